namespace Strata.Store;

/// <summary>A writable layer.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DriverId">Its ID in the driver.</param>
/// <param name="Parent">The layer below, or null.</param>
/// <param name="Image">The manifest digest of the image that it was made from, or null.</param>
/// <param name="MountTarget">Where it was bound to beside the driver's own mount point, or null.</param>
/// <param name="Created">When it was made.</param>
/// <param name="InitId">The ID in the driver of its init layer, which lies between it and its parent and shows in no diff; null: it has none.</param>
public sealed record WritableRecord(string Name, LayerId DriverId, ChainId? Parent, Digest? Image, string? MountTarget, DateTimeOffset Created, LayerId? InitId = null);
