namespace Strata.Formats.Erofs;

/// <summary>What an image's superblock says.</summary>
public sealed record ErofsSuperblock
{
    /// <summary>The block's size as a power of two.</summary>
    public required int BlockBits { get; init; }

    /// <summary>The root directory.</summary>
    public required ErofsNode Root { get; init; }

    /// <summary>How many inodes there are.</summary>
    public required ulong Inodes { get; init; }

    /// <summary>The time of inodes in the compact form.</summary>
    public required FileTime BuildTime { get; init; }

    /// <summary>How many blocks the image has, extra devices not counted.</summary>
    public required uint Blocks { get; init; }

    /// <summary>The block from which inodes are counted.</summary>
    public required uint MetadataBlock { get; init; }

    /// <summary>The block from which shared extended attributes are counted.</summary>
    public required uint XattrBlock { get; init; }

    /// <summary>The volume's UUID.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>The volume's name, up to the first NUL.</summary>
    public required ReadOnlyMemory<byte> VolumeName { get; init; }

    /// <summary>EROFS_FEATURE_COMPAT_* bits: what a reader may ignore.</summary>
    public required uint CompatibleFeatures { get; init; }

    /// <summary>EROFS_FEATURE_INCOMPAT_* bits: what a reader must know.</summary>
    public required uint IncompatibleFeatures { get; init; }

    /// <summary>The extra devices, from device 1 on.</summary>
    public required IReadOnlyList<ErofsDevice> Devices { get; init; }

    /// <summary>The block's size in bytes.</summary>
    public int BlockBytes => 1 << BlockBits;
}
