namespace Strata.Formats.Compression;

/// <summary>How a layer is compressed.</summary>
public enum CompressionKind
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>gzip (RFC 1952), any number of members.</summary>
    Gzip,

    /// <summary>Zstandard (RFC 8878), any number of frames, skippable ones included.</summary>
    Zstd,

    /// <summary>xz, any number of streams.</summary>
    Xz,

    /// <summary>bzip2, any number of streams.</summary>
    Bzip2,
}
