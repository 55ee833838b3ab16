namespace Strata;

/// <summary>What a layer may contain before it is refused (bombs). The defaults are far above what real layers hold.</summary>
/// <remarks>Exceeding one is an error of kind Exhausted that names the limit and how to raise it.</remarks>
public sealed record LayerLimits
{
    /// <summary>The documented defaults.</summary>
    public static LayerLimits Default { get; } = new();

    /// <summary>The most bytes that a layer's tar may have once decompressed. Default: 1 TiB.</summary>
    public long MaxTarBytes { get; init; } = 1L << 40;

    /// <summary>The most bytes that a layer's files may have together, holes of sparse files included. Default: 8 TiB.</summary>
    public long MaxContentBytes { get; init; } = 8L << 40;

    /// <summary>The most entries. Default: 20 million.</summary>
    public long MaxEntries { get; init; } = 20_000_000;

    /// <summary>The most components that a path may have. Default: 1,024 (a path of PATH_MAX bytes has at most 2,048).</summary>
    public int MaxPathDepth { get; init; } = 1024;

    /// <summary>The most bytes of a path. Default: 16,384: longer than PATH_MAX, which bounds one call only, not a tree.</summary>
    public int MaxPathBytes { get; init; } = 16_384;

    /// <summary>The most bytes of a path's component. Default: 255, Linux's NAME_MAX.</summary>
    public int MaxNameBytes { get; init; } = 255;

    /// <summary>The most bytes of one extended attribute's value. Default: 65,536, Linux's XATTR_SIZE_MAX.</summary>
    public int MaxXattrValueBytes { get; init; } = 65_536;

    /// <summary>The most bytes of all extended attributes of one entry. Default: 1 MiB.</summary>
    public int MaxXattrTotalBytes { get; init; } = 1 << 20;

    /// <summary>The most bytes of one entry's extended headers (PAX records, GNU long names). Default: 4 MiB.</summary>
    public int MaxExtendedHeaderBytes { get; init; } = 4 << 20;

    /// <summary>The most data extents of one sparse file. Default: 1 million.</summary>
    public int MaxSparseExtents { get; init; } = 1_000_000;

    /// <summary>The most that the decompressed size may exceed the compressed one by. Default: 10,000 times (gzip itself reaches 1,032).</summary>
    public int MaxCompressionRatio { get; init; } = 10_000;

    /// <summary>Below this many decompressed bytes the ratio is not looked at. Default: 64 MiB.</summary>
    public long RatioFreeBytes { get; init; } = 64L << 20;
}
