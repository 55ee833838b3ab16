namespace Strata.Formats.Erofs;

/// <summary>How an image is written.</summary>
public sealed record ErofsWriterOptions
{
    /// <summary>
    /// The block's size as a power of two: 9 (512 bytes, Linux 6.4) to 12 (4,096 bytes, all kernels). Data can be pointed at where it lies on
    /// a block's bound. Default: 9, a tar's.
    /// </summary>
    public int BlockBits { get; init; } = 9;

    /// <summary>How many extra devices the image points into, at most 65,535. Default: none.</summary>
    public int Devices { get; init; }

    /// <summary>The volume's UUID. Default: zeros; never a random one, so that the same calls give the same bytes.</summary>
    public Guid Uuid { get; init; }

    /// <summary>The volume's name, at most 15 bytes without a NUL. Default: empty.</summary>
    public ReadOnlyMemory<byte> VolumeName { get; init; }

    /// <summary>
    /// Where the metadata starts, a multiple of the block. 0, the default: right behind superblock and device table. More: the caller's data
    /// lies before it, from <see cref="ErofsImageWriter.DataStartBytes"/> on, and is written before the writer is made.
    /// </summary>
    public long MetadataStartBytes { get; init; }

    /// <summary>The time of inodes in the compact form: those whose mtime is just this take half the room. Default: 1970.</summary>
    public FileTime BuildTime { get; init; }
}
