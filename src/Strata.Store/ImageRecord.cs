namespace Strata.Store;

/// <summary>An image of the store.</summary>
/// <param name="Manifest">The digest of its manifest.</param>
/// <param name="Config">The digest of its config: what Docker calls the image ID.</param>
/// <param name="TopLayer">Its topmost layer; null: it has none.</param>
/// <param name="SizeBytes">The sizes of its layers' files together.</param>
/// <param name="Created">When it came into this store.</param>
/// <param name="Names">Its names, sorted.</param>
public sealed record ImageRecord(Digest Manifest, Digest Config, ChainId? TopLayer, long SizeBytes, DateTimeOffset Created, IReadOnlyList<string> Names)
{
    /// <summary>For which platform it is, as its config says; null: it came when the store did not keep that yet.</summary>
    public string? Platform { get; init; }

    /// <summary>The directory of the shared store that it is in; null: it is in this one.</summary>
    public string? SharedFrom { get; init; }

    /// <summary>True: it is in this store only since something of a shared store was used, and goes when nothing uses it.</summary>
    public bool IsBorrowed { get; init; }

    /// <summary>The indexes of the store that list it, by their digests, sorted.</summary>
    public IReadOnlyList<Digest> Indexes { get; init; } = [];
}
