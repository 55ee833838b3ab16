namespace Strata.Oci;

/// <summary>Where images' documents and layers come from, by their descriptors: a layout, a registry.</summary>
/// <remarks>
/// Whoever reads compares what comes with the descriptor; a source need not. Everything may be called from several threads at once, and layers
/// are opened on the threads that unpack them, some at a time, in any order; those that the store has are never opened.
/// </remarks>
internal interface IImageSource : IDisposable
{
    /// <summary>What it is called in errors.</summary>
    string Shown { get; }

    /// <summary>Reads a manifest, an index or a config whole.</summary>
    /// <exception cref="StrataException">NotFound. Exhausted: it is larger than a document may be (<see cref="JsonDocuments.MaxBytes"/>).</exception>
    byte[] ReadDocument(Descriptor descriptor, CancellationToken cancellationToken);

    /// <summary>A layer's size as far as it can be told without opening it: null, it is not there; a source that would have to ask far away tells the descriptor's.</summary>
    long? FindSize(Descriptor descriptor);

    /// <summary>Opens a layer's blob from its beginning. Its bytes may come while it is read.</summary>
    /// <exception cref="StrataException">NotFound. Others, also from reading: Unavailable, PermissionDenied.</exception>
    Stream Open(Descriptor descriptor, CancellationToken cancellationToken);

    /// <summary>A layer will be opened soon: a source that is far away begins to fetch it.</summary>
    void Announce(Descriptor descriptor)
    {
    }

    /// <summary>Where a layer's blob can be had again once this is closed, as <see cref="OriginReader"/> reads it; null: nowhere.</summary>
    string? OriginOf(Descriptor descriptor) => null;
}
