namespace Strata.Store;

/// <summary>A snapshot.</summary>
/// <param name="Key">Its key, or name: opaque, unique among snapshots of all kinds.</param>
/// <param name="Parent">The key of the committed snapshot that it is on, or null.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Labels">What its user says of it.</param>
/// <param name="Created">When it became what it is: for a committed one when it was committed.</param>
/// <param name="Updated">When it was last updated.</param>
/// <param name="Layer">The layer of the store that a committed one is, if its content is known to be one.</param>
public sealed record SnapshotRecord(
    string Key, string? Parent, SnapshotKind Kind, IReadOnlyDictionary<string, string> Labels, DateTimeOffset Created, DateTimeOffset Updated, ChainId? Layer)
{
    /// <summary>The driver's layer that is mounted for it: its own, or the parent's for a view.</summary>
    internal LayerId DriverId { get; init; }

    /// <summary>By what the driver and leases know this snapshot.</summary>
    internal LayerId Holder { get; init; }

    /// <summary>What was applied to it as a whole by <see cref="SnapshotStore.Apply"/>; null: nothing, or it was written to by others.</summary>
    internal AppliedLayer? Applied { get; init; }

    /// <summary>True if the driver's layer goes with the snapshot.</summary>
    internal bool OwnsLayer => Layer is null && Holder == DriverId;
}
