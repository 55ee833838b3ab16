namespace Strata.Oci.Registries;

/// <summary>How layers are compressed for a registry.</summary>
public enum PushCompression
{
    /// <summary>gzip, which everything reads.</summary>
    Gzip = 0,

    /// <summary>Zstandard: smaller and faster, for programs of the last years.</summary>
    Zstd,

    /// <summary>Not at all.</summary>
    None,
}
