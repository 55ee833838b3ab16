namespace Strata.Store;

/// <summary>What something in the store takes on disk: allocated blocks, hard links once. What reflinks share is not visible there and counted for each.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Its name, or its ID.</param>
/// <param name="Own">The thing itself: a layer without those below it, a writable layer's changes, an image's documents.</param>
/// <param name="Exclusive">What only it needs: itself, and the layers below that nothing else is on.</param>
/// <param name="Shared">The layers below that others need too.</param>
/// <param name="Freed">What removing it would free at once; what only it needs and stays is for gc.</param>
public sealed record ItemUsage(ItemKind Kind, string Name, Usage Own, Usage Exclusive, Usage Shared, Usage Freed)
{
    /// <summary>A layer's chain ID, an image's manifest; null for a writable layer.</summary>
    public Digest? Digest { get; init; }

    /// <summary>A layer that lies in a shared store: its directory; only what is kept of it here is counted. Null: it is here.</summary>
    public string? SharedFrom { get; init; }

    /// <summary>All that it is made of.</summary>
    public Usage Total => new(Exclusive.SizeBytes + Shared.SizeBytes, Exclusive.Inodes + Shared.Inodes);
}
