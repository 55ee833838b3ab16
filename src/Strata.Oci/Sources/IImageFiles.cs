namespace Strata.Oci;

/// <summary>The files of an image that somebody gave us: a folder, or the entries of a tar.</summary>
internal interface IImageFiles : IDisposable
{
    /// <summary>What it is called in errors.</summary>
    string Shown { get; }

    /// <summary>A file's size, or null if it is not there.</summary>
    long? FindSize(string name);

    /// <summary>Opens a file; several may be open at once.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    Stream Open(string name);

    /// <summary>Where the file can be had again once this is closed, as <see cref="OriginReader"/> reads it; null: nowhere.</summary>
    string? OriginOf(string name) => null;

    /// <summary>Reads a small file whole.</summary>
    /// <exception cref="StrataException">NotFound; Exhausted: it is larger than a document may be.</exception>
    byte[] ReadDocument(string name)
    {
        long size = FindSize(name) ?? throw StrataException.NotFound($"{Shown} has no file '{name}'.");
        if (size > JsonDocuments.MaxBytes)
            throw StrataException.Exhausted($"The file '{name}' of {Shown} has {size} bytes; a manifest, index or config may have {JsonDocuments.MaxBytes}.");
        byte[] bytes = new byte[size];
        using var stream = Open(name);
        stream.ReadExactly(bytes);
        return bytes;
    }
}
