namespace Strata.Formats.Erofs;

/// <summary>An inode as it was read, checked against the image's bounds.</summary>
public sealed class ErofsInode
{
    /// <summary>Its number.</summary>
    public required ErofsNode Node { get; init; }

    /// <summary>What it is.</summary>
    public required EntryKind Kind { get; init; }

    /// <summary>Permission bits with setuid, setgid and sticky.</summary>
    public required int Mode { get; init; }

    /// <summary>The owner's number.</summary>
    public required uint Uid { get; init; }

    /// <summary>The group's number.</summary>
    public required uint Gid { get; init; }

    /// <summary>The time of the last modification.</summary>
    public required FileTime Mtime { get; init; }

    /// <summary>The size in bytes, holes included; of a directory its entries', of a link its target's.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>How many names it has.</summary>
    public required uint LinkCount { get; init; }

    /// <summary>A device's major number.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>A device's minor number.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>How its data lies.</summary>
    public required ErofsLayout Layout { get; init; }

    /// <summary>True: 32 bytes without a time of its own; false: 64 bytes.</summary>
    public required bool IsCompact { get; init; }

    /// <summary>Extended attributes, inline and shared, sorted by the bytes of their names.</summary>
    public required IReadOnlyList<Xattr> Xattrs { get; init; }

    /// <summary>A symbolic link's target; null for other kinds.</summary>
    public byte[]? LinkTarget { get; internal set; }

    /// <summary>The inode's last word: a block, a device number or a chunk's format.</summary>
    internal uint Union { get; init; }

    /// <summary>Where in the image inode and attributes end.</summary>
    internal long HeadEnd { get; init; }
}
