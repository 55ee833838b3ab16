using Strata.Drivers;

namespace Strata.Store;

/// <summary>How a store is opened.</summary>
public sealed record StoreOptions
{
    /// <summary>The store's directory; made if it is not there.</summary>
    public required string Root { get; init; }

    /// <summary>The driver; null: the one of the store, or for a new store the best that can serve.</summary>
    public string? Driver { get; init; }

    /// <summary>Options of the driver, <c>key=value</c>.</summary>
    public IReadOnlyList<string> DriverOptions { get; init; } = [];

    /// <summary>The drivers that there are; null: all of this package.</summary>
    public DriverRegistry? Registry { get; init; }

    /// <summary>A lease that what is registered, and what is found there already, is put under; null: none. It must exist, but for <see cref="Store.AppliedLease"/>.</summary>
    public string? Lease { get; init; }

    /// <summary>
    /// The directories of other stores whose images and layers are used too, without copying them: of the same driver. They are only read. One that can't
    /// be used is left out. Asked in this order, after the store itself.
    /// </summary>
    public IReadOnlyList<string> SharedStores { get; init; } = [];

    /// <summary>Told, once of each, of a shared store that is left out (<see cref="SharedStore.Problem"/>), perhaps on another thread; or null.</summary>
    public Action<SharedStore>? SharedStoreLeftOut { get; init; }

    /// <summary>
    /// True: removing a layer, however large, is a rename, and whoever opened the store calls <see cref="Store.EmptyTrash"/>, on a thread or in a process that
    /// nobody waits for. False: its files are deleted before removing returns.
    /// </summary>
    public bool DeletesLater { get; init; }

    /// <summary>
    /// How soon after their return snapshots' Prepare, View, Update and Remove are durable; null: when they return. A power cut before that undoes the last of
    /// them; a kill undoes nothing. Commit, and all calls that are not about snapshots, are durable when they return, and so is what came before them.
    /// Whoever says so closes the store at its end, or calls <see cref="SnapshotStore.Flush"/>.
    /// </summary>
    public TimeSpan? SnapshotFlush { get; init; }

    /// <summary>What layers may contain.</summary>
    public LayerLimits Limits { get; init; } = LayerLimits.Default;
}
