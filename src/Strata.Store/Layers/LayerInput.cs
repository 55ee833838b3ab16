namespace Strata.Store;

/// <summary>A layer to be registered.</summary>
public sealed record LayerInput
{
    /// <summary>Opens its blob, compressed or not, from the beginning. Called at most once, perhaps on another thread.</summary>
    public required Func<Stream> Open { get; init; }

    /// <summary>Called, perhaps, before any layer is opened: it is certain now that <see cref="Open"/> follows, unless something fails. Null: nothing to prepare.</summary>
    /// <remarks>In the order in which the layers will be opened. A source that is far away begins to fetch.</remarks>
    public Action? Announce { get; init; }

    /// <summary>Where the blob can be had again, in the words of whoever opens it; null: nowhere. See <see cref="LayerOrigin"/>.</summary>
    public string? Origin { get; init; }

    /// <summary>What its tar must hash to; null: whatever it hashes to.</summary>
    public DiffId? DiffId { get; init; }

    /// <summary>What its blob must hash to; null: whatever it hashes to.</summary>
    public Digest? BlobDigest { get; init; }

    /// <summary>The blob's size; -1: not known.</summary>
    public long BlobBytes { get; init; } = -1;
}
