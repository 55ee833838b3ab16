namespace Strata.Oci;

/// <summary>How images are written.</summary>
public sealed record SaveOptions
{
    /// <summary>As what; default: both at once.</summary>
    public SaveFormat Format { get; init; } = SaveFormat.Both;

    /// <summary>How layers are compressed. Each compressed layer goes through a file in the store's temporary directory.</summary>
    public SaveCompression Compression { get; init; }

    /// <summary>1 to 9 for gzip, 1 to 22 for zstd; null: the fast ones.</summary>
    public int? Level { get; init; }

    /// <summary>
    /// True: of an image that came by an index all platforms are written, with the index. Not for a docker-archive alone, which knows no platforms.
    /// </summary>
    public bool AllPlatforms { get; init; }

    /// <summary>Told of bytes written, or null.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
