namespace Strata.Store;

/// <summary>What was applied to a snapshot.</summary>
/// <param name="DiffId">Its uncompressed tar.</param>
/// <param name="TarBytes">The size of that.</param>
/// <param name="ContentBytes">The sizes of its files together.</param>
/// <param name="BlobDigest">The blob that it came as.</param>
/// <param name="BlobBytes">The size of that.</param>
public sealed record AppliedLayer(DiffId DiffId, long TarBytes, long ContentBytes, Digest BlobDigest, long BlobBytes);
