namespace Strata.Store;

/// <content>Snapshots, and what they need of the store.</content>
public sealed partial class Store
{
    /// <summary>Snapshots: containerd's life cycle of mounts.</summary>
    public SnapshotStore Snapshots { get; }

    internal Reserve Reserve => _reserve;

    internal LayerLimits Limits => _limits;

    /// <summary>Lets go what was mounted for somebody, after its metadata is gone.</summary>
    internal void ReleaseMounts(LayerId holder, Lease lease)
    {
        try
        {
            Driver.ReleaseMounts(holder);
        }
        catch
        {
            lease.LeaveForRecovery();
            throw;
        }
    }

    /// <summary>Removes what an operation made that failed: must not hide why. What can't be removed now, the next opening of the store removes.</summary>
    internal void DiscardQuietly(LayerId id, Lease lease)
    {
        try
        {
            Discard(id, lease);
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            // the lease was left
        }
    }

    /// <summary>Removes a layer that came as a snapshot, if nothing uses it any more. One that an image or anything else is on stays.</summary>
    internal void RemoveUnused(ChainId chain)
    {
        if (_database.Read(s => s.Count("SELECT count(*) FROM layers WHERE chain=$1 AND by_snapshot=1", chain.ToString())) == 0)
            return;
        try
        {
            if (FindLayer(chain) is { } layer)
                Guard($"Can't remove layer {chain}", () => _reserve.Using(() => Remove(layer, explicitly: false)));
        }
        catch (StrataException e) when (e.Kind is ErrorKind.FailedPrecondition or ErrorKind.NotFound)
        {
            // somebody uses it, or removed it
        }
    }
}
