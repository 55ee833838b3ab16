using Strata.Trees;

namespace Strata.Store;

/// <content>What removals share: the lease by which a crash is survived, without waiting for others who delete.</content>
public sealed partial class Store
{
    private static readonly TimeSpan LeaseWait = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Takes the lease of a layer that is about to be removed. Who has just made the layer gives it back in a moment; who removes it keeps it while it
    /// deletes, for which nobody must wait: then the metadata names the layer no more.
    /// </summary>
    /// <returns>Null: the layer was removed.</returns>
    private Lease? LeaseForRemoval(LayerId id, Func<bool> isNamed)
    {
        long start = Environment.TickCount64;
        while (isNamed())
        {
            if (Lease.TryTake(_layout, id) is { } lease)
                return lease;
            if (Environment.TickCount64 - start > LeaseWait.TotalMilliseconds)
                throw StrataException.Unavailable($"Another process is just making or removing layer {id}. Try again.");
            Thread.Sleep(5);
        }
        return null;
    }

    private bool IsNamed(LayerId id) => _database.Read(s => s.Count("SELECT EXISTS (SELECT 1 FROM driver_ids WHERE driver_id=$1)", id.ToString())) > 0;

    /// <summary>Removes what there is of a layer that could not be made; that it can't must not hide why, and whoever opens the store next tries again.</summary>
    private void TryDiscard(LayerId id, Lease lease)
    {
        try
        {
            Discard(id, lease);
        }
        catch (Exception e) when (e is StrataException || FileErrors.Is(e))
        {
            return; // the lease was left
        }
    }

    /// <summary>Removes what layers have on disk and gives their leases back; one that fails keeps no other one from going.</summary>
    /// <param name="leases">The layers, the topmost first.</param>
    /// <param name="count">How many of them the metadata names no more; the others stay.</param>
    private void DiscardAll(List<(LayerRecord Layer, Lease Lease)> leases, int count)
    {
        Exception? first = null;
        for (int i = 0; i < leases.Count; i++)
        {
            using var lease = leases[i].Lease;
            if (i >= count)
                continue;
            try
            {
                Discard(leases[i].Layer.DriverId, lease);
            }
            catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
            {
                first ??= e; // its lease was left
            }
        }
        if (first is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }
}
