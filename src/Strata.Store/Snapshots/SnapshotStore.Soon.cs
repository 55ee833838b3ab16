using System.Collections.Concurrent;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Calls that are answered before they are durable (<see cref="StoreOptions.SnapshotFlush"/>; ADR 19).</content>
public sealed partial class SnapshotStore
{
    /// <summary>Leases of what was made and is not durable yet: without them a power cut would leave files that nobody finds.</summary>
    private readonly ConcurrentDictionary<LayerId, Lease> _leased = new();

    private readonly FlushQueue? _flushes; // null: each call waits for the disk

    private bool MayBeSoon => _flushes is { HasRoom: true };

    /// <summary>Returns when all calls that were answered before are durable. Without <see cref="StoreOptions.SnapshotFlush"/> they are already.</summary>
    /// <exception cref="StrataException">Corrupt: the disk fails.</exception>
    public void Flush() => _flushes?.Flush();

    private T Write<T>(bool soon, Func<Session, T> write) => _database.Write(write, soon ? Durability.Soon : Durability.OnReturn);

    /// <summary>The lease of a snapshot, for a call that changes it: where its making is not durable yet, that of its making.</summary>
    /// <param name="holder">The snapshot's ID.</param>
    /// <param name="ofMaking">True: a call that fails must give it back when the making is durable, and not before.</param>
    private Lease TakeLease(LayerId holder, out bool ofMaking)
    {
        ofMaking = _leased.TryRemove(holder, out var lease);
        return lease ?? Lease.Take(_layout, holder);
    }

    /// <summary>Gives a lease back, now or when what was done under it is durable.</summary>
    private void GiveBack(LayerId holder, Lease lease, bool soon)
    {
        if (!soon)
        {
            lease.Dispose();
            return;
        }
        _leased[holder] = lease;
        _flushes!.Add(() =>
        {
            if (_leased.TryRemove(holder, out var still)) // else somebody has taken it over
                still.Dispose();
        });
    }
}
