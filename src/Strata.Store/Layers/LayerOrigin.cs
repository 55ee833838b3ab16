namespace Strata.Store;

/// <summary>Where a layer's tar can be had again, and as which blob.</summary>
/// <param name="Place">The place, in the words of the room that reads from it (Strata.Oci's <c>OriginReader</c>); the store does not look into it.</param>
/// <param name="Blob">The digest of the blob there; that of the tar if it is not compressed.</param>
/// <param name="BlobBytes">The size of that blob.</param>
/// <param name="Seen">When it was there.</param>
public sealed record LayerOrigin(string Place, Digest Blob, long BlobBytes, DateTimeOffset Seen);
