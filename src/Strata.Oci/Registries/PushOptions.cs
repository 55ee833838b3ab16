namespace Strata.Oci.Registries;

/// <summary>How images are pushed.</summary>
public sealed record PushOptions
{
    /// <summary>How layers are compressed that the registry does not have.</summary>
    public PushCompression Compression { get; init; }

    /// <summary>1 to 9 for gzip, 1 to 22 for zstd; null: a fast one.</summary>
    public int? Level { get; init; }

    /// <summary>Told of each layer's progress in bytes of its tar, or null. Called from several threads.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }
}
