namespace Strata.Oci;

/// <summary>How layers are compressed when images are written.</summary>
public enum SaveCompression
{
    /// <summary>Not at all: tars, byte for byte as they came.</summary>
    None,

    /// <summary>By gzip, which everything reads.</summary>
    Gzip,

    /// <summary>By zstd: smaller and faster.</summary>
    Zstd,
}
