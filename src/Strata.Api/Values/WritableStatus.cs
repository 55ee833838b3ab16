namespace Strata.Api;

/// <summary>A writable layer, and where it is to be seen.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parent">What it lies on, or null.</param>
/// <param name="Image">The image that it was made from, or null.</param>
/// <param name="DriverId">By what the driver knows it.</param>
/// <param name="MountedAt">Where it is mounted now; null: nowhere. In parentheses: why that is not known.</param>
/// <param name="IdMapping">How its owners are shown; null: as they are. In parentheses: why that is not known.</param>
/// <param name="Created">When it was made.</param>
internal sealed record WritableStatus(string Name, ChainId? Parent, Digest? Image, LayerId DriverId, string? MountedAt, string? IdMapping, DateTimeOffset Created);
