namespace Strata.Store;

/// <summary>A named lease: what is under it is not collected.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Expires">When it ends by itself; null: never.</param>
/// <param name="Layers">The layers under it, by chain ID; those below them are kept with them.</param>
/// <param name="Images">The images under it, by manifest.</param>
public sealed record LeaseRecord(string Name, DateTimeOffset Created, DateTimeOffset? Expires, IReadOnlyList<ChainId> Layers, IReadOnlyList<Digest> Images);
