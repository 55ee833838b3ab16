namespace Strata.Store;

/// <summary>An index of the store: a list of the same image for several platforms.</summary>
/// <param name="Digest">The digest of its document.</param>
/// <param name="Created">When it came into this store.</param>
/// <param name="Names">The names that came by it, sorted: each means one of its images, and all of them with the index.</param>
/// <param name="Documents">The digests of its document and of those of all indexes inside it.</param>
/// <param name="Manifests">The digests of the manifests that it lists, through all indexes inside it. Not all need be in the store.</param>
public sealed record IndexRecord(
    Digest Digest, DateTimeOffset Created, IReadOnlyList<string> Names, IReadOnlyList<Digest> Documents, IReadOnlyList<Digest> Manifests);
