using Strata.Drivers;

namespace Strata.Store;

/// <content>Layers that are applied before somebody asks for them.</content>
public sealed partial class SnapshotStore
{
    /// <summary>True if layers can be applied on nothing and get their parent afterwards without being applied again.</summary>
    public bool CanApplyAhead => Driver is IRebasingDriver && Driver.Capabilities.ReproducesExactDiffs;

    /// <summary>True if a layer is here that came as this blob.</summary>
    public bool HasBlob(Digest blob) => _database.Read(s => s.Count("SELECT count(*) FROM (SELECT 1 FROM layers WHERE blob=$1 LIMIT 1)", blob.ToString())) > 0;

    /// <summary>Applies a layer that nobody asked for yet. Nothing names it: after a crash it is removed.</summary>
    /// <param name="input">The layer; its digests are verified.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">NotSupported: <see cref="CanApplyAhead"/>. Corrupt, InvalidArgument, Exhausted: as of every layer.</exception>
    public AheadLayer ApplyAhead(LayerInput input, CancellationToken cancellationToken = default)
    {
        if (!CanApplyAhead)
            throw StrataException.NotSupported($"The {Driver.Name} driver can't apply a layer before it knows what it is on.");
        return Store.Guard("Can't apply a layer ahead", () =>
        {
            var layer = new SpareLayer(_store, _layout);
            try
            {
                Driver.CreateReadWrite(layer.Id, null, null);
                return new AheadLayer(layer, ApplyVerified(layer.Id, null, input, cancellationToken));
            }
            catch
            {
                layer.Dispose();
                throw;
            }
        });
    }

    /// <summary>Lets an active snapshot to which nothing was written yet have a layer that was applied ahead, as <see cref="Apply"/> of the same blob would.</summary>
    /// <param name="mounts">The snapshot's mounts, as they were handed out. They show nothing of it: ask for them anew.</param>
    /// <param name="ahead">The layer; the snapshot's from then on, if something is returned.</param>
    /// <param name="cancellationToken">Ends the waiting for another call of the same snapshot.</param>
    /// <returns>What was applied; null: the mounts are of no snapshot of this store, or of one whose owners are mapped.</returns>
    /// <exception cref="StrataException">FailedPrecondition: the snapshot is not active, or something is in it.</exception>
    public AppliedLayer? Adopt(IReadOnlyList<Mount> mounts, AheadLayer ahead, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ahead);
        if (FindByMounts(mounts) is not { } found || FindIdMaps(found.Labels) is not null)
            return null;
        using var held = _locks.Acquire(found.Key, cancellationToken);
        var snapshot = GetActive(found);
        return Store.Guard($"Can't apply a layer to '{snapshot.Key}'", () =>
        {
            var parent = ParentOfEmpty(snapshot, cancellationToken);
            if (parent is { } below)
                ((IRebasingDriver)Driver).Rebase(ahead.Layer.Id, below);
            var adopting = snapshot with { DriverId = ahead.Layer.Id, Holder = ahead.Layer.Id };
            var lease = TakeLease(snapshot.Holder, out bool ofMaking);
            try
            {
                _database.Write(s =>
                {
                    s.Replace(s.FindSnapshot(snapshot.Key)?.Holder == snapshot.Holder ? snapshot : throw Missing(snapshot.Key), adopting);
                    return s.SetApplied(adopting, ahead.Applied);
                });
            }
            catch
            {
                GiveBack(snapshot.Holder, lease, soon: ofMaking);
                throw;
            }
            ahead.Layer.Keep();
            using (lease)
                _store.DiscardQuietly(snapshot.Holder, lease); // the layer is applied, whatever becomes of the empty one
            return ahead.Applied;
        });
    }
}
