namespace Strata.Store;

/// <summary>A layer of the store: applied, whole, never changed.</summary>
/// <param name="ChainId">It and all that lies below it.</param>
/// <param name="DiffId">Its uncompressed tar.</param>
/// <param name="Parent">The layer below, or null.</param>
/// <param name="DriverId">Its ID in the driver.</param>
/// <param name="TarBytes">The size of its tar.</param>
/// <param name="ContentBytes">The sizes of its files together.</param>
/// <param name="BlobDigest">The digest of the blob that it came as; that of the tar if it came uncompressed.</param>
/// <param name="BlobBytes">The size of that blob.</param>
/// <param name="Created">When it was registered.</param>
public sealed record LayerRecord(
    ChainId ChainId, DiffId DiffId, ChainId? Parent, LayerId DriverId, long TarBytes, long ContentBytes, Digest BlobDigest, long BlobBytes, DateTimeOffset Created)
{
    /// <summary>The directory of the shared store in which it lies; null: in this one.</summary>
    public string? SharedFrom { get; init; }
}
