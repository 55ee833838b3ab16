using Strata.Drivers;

namespace Strata.Store;

/// <content>What containerd's differs do: a snapshot is named by its mounts there, which are recognised as what was handed out.</content>
public sealed partial class SnapshotStore
{
    /// <summary>Applies a layer to an active snapshot to which nothing was written yet. Durable when the snapshot is committed.</summary>
    /// <remarks>The snapshot can then be committed as a layer of the store, which a second one of the same content shares.</remarks>
    /// <param name="mounts">The snapshot's mounts, as they were handed out.</param>
    /// <param name="input">The layer; its digests are verified.</param>
    /// <param name="cancellationToken">Ends it early; the snapshot is then as it was.</param>
    /// <returns>What was applied; null: the mounts are of no snapshot of this store.</returns>
    /// <exception cref="StrataException">
    /// FailedPrecondition: the snapshot is not active, or something is in it. Corrupt, InvalidArgument, Exhausted: as of every layer. The snapshot is as
    /// it was then.
    /// </exception>
    public AppliedLayer? Apply(IReadOnlyList<Mount> mounts, LayerInput input, CancellationToken cancellationToken = default)
    {
        if (FindByMounts(mounts) is not { } found)
            return null;
        using var held = _locks.Acquire(found.Key, cancellationToken);
        var snapshot = GetActive(found);
        return Store.Guard($"Can't apply a layer to '{snapshot.Key}'", () => ApplyTo(snapshot, input, cancellationToken));
    }

    /// <summary>What a snapshot is now, that was found and is locked.</summary>
    private SnapshotRecord GetActive(SnapshotRecord found)
    {
        var snapshot = Get(found.Key);
        return snapshot.Kind == SnapshotKind.Active && snapshot.Holder == found.Holder
            ? snapshot
            : throw StrataException.FailedPrecondition($"The snapshot '{snapshot.Key}' is not active: nothing can be applied to it.");
    }

    /// <summary>What an active snapshot is on, to which nothing was written yet.</summary>
    private LayerId? ParentOfEmpty(SnapshotRecord snapshot, CancellationToken cancellationToken)
    {
        var parent = snapshot.Parent is { } below ? Get(below).DriverId : (LayerId?)null;
        return snapshot.Applied is null && Driver.Changes(snapshot.DriverId, parent, null, cancellationToken).Count == 0
            ? parent
            : throw StrataException.FailedPrecondition($"Something is in the snapshot '{snapshot.Key}' already: a layer is applied to a new one.");
    }

    private AppliedLayer ApplyVerified(LayerId id, LayerId? parent, LayerInput input, CancellationToken cancellationToken)
    {
        using var blob = input.Open();
        var applied = BlobApplier.Apply(Driver, _layout, id, parent, blob, new ApplyOptions { Limits = _store.Limits }, cancellationToken);
        if (input.BlobDigest is { } wanted && wanted != applied.BlobDigest)
            throw StrataException.Corrupt($"The layer is damaged: its blob is {applied.BlobDigest}, not {wanted}. Get the image again.");
        if (input.DiffId is { } diff && diff != applied.DiffId)
            throw StrataException.Corrupt($"The layer is not what the image says: its tar is {applied.DiffId}, not {diff}. Get the image again.");
        return applied;
    }

    private AppliedLayer ApplyTo(SnapshotRecord snapshot, LayerInput input, CancellationToken cancellationToken)
    {
        var parent = ParentOfEmpty(snapshot, cancellationToken);
        try
        {
            var applied = ApplyVerified(snapshot.DriverId, parent, input, cancellationToken);
            return _database.Write(s => s.SetApplied(snapshot, applied)) ? applied : throw Missing(snapshot.Key);
        }
        catch
        {
            Empty(snapshot, parent);
            throw;
        }
    }

    /// <summary>Makes the layer of a snapshot anew, after an apply that failed. Should that fail too the snapshot is removed by whoever retries.</summary>
    private void Empty(SnapshotRecord snapshot, LayerId? parent)
    {
        try
        {
            Driver.Remove(snapshot.DriverId);
            File.Delete(_layout.Recipe(snapshot.DriverId));
            Driver.CreateReadWrite(snapshot.DriverId, parent, OptionsOf(snapshot.Labels));
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            // Must not hide why the layer failed. Without its layer the snapshot can be removed, and nothing else.
        }
    }

    /// <summary>Finds two snapshots by their mounts, to tell what is between them.</summary>
    /// <param name="left">The mounts of the older one, as they were handed out; none: nothing.</param>
    /// <param name="right">Those of the newer one.</param>
    /// <returns>Writes the difference as an uncompressed OCI layer. Null: some of the mounts are of no snapshot of this store.</returns>
    public Action<Stream, CancellationToken>? FindDifference(IReadOnlyList<Mount> left, IReadOnlyList<Mount> right)
    {
        var older = left.Count == 0 ? null : FindByMounts(left);
        if ((older is null && left.Count > 0) || FindByMounts(right) is not { } newer)
            return null;
        // A view of nothing has an empty layer of its own.
        LayerId? parent = older is null || (older.Kind == SnapshotKind.View && older.Parent is null) ? null : older.DriverId;
        return (destination, cancellationToken) => Store.Guard($"Can't tell the difference between '{older?.Key}' and '{newer.Key}'", () =>
        {
            Driver.Diff(newer.DriverId, parent, destination, null, cancellationToken);
            return true;
        });
    }

    /// <summary>The snapshot whose mounts these are; of several that show the same, any. Null: none.</summary>
    private SnapshotRecord? FindByMounts(IReadOnlyList<Mount> mounts)
    {
        foreach (var id in mounts.SelectMany(IdsIn).Distinct())
        {
            var candidates = _database.Read(s => s.List(
                $"SELECT {SnapshotRows.Columns} FROM snapshots WHERE driver_id=$1 AND kind<>$2", SnapshotRows.Read, id.ToString(), (int)SnapshotKind.Committed));
            foreach (var candidate in candidates)
            {
                // Not while something is applied to it, or it is removed.
                using var held = _locks.Acquire(candidate.Key);
                var now = _database.Read(s => s.FindSnapshot(candidate.Key));
                if (now?.Holder == candidate.Holder && (now.Applied is not null || Same(Acquire(now), mounts)))
                    return now;
            }
        }
        return null;
    }

    /// <summary>What may be IDs of layers in a mount's paths, those that are written to first.</summary>
    private static IEnumerable<LayerId> IdsIn(Mount mount)
    {
        var paths = mount.Options.Where(o => o.StartsWith("upperdir=", StringComparison.Ordinal))
            .Concat([mount.Source])
            .Concat(mount.Options.Where(o => o.StartsWith("lowerdir=", StringComparison.Ordinal)).Select(o => o.Split(':')[0]));
        foreach (string name in paths.SelectMany(path => path.Split('/', '=')))
        {
            if (name.Length >= 32 && LayerId.TryParse(name, out var id))
                yield return id;
        }
    }

    private static bool Same(IReadOnlyList<Mount> some, IReadOnlyList<Mount> others) =>
        some.Count == others.Count && some.Zip(others).All(pair =>
            pair.First.Type == pair.Second.Type && pair.First.Source == pair.Second.Source && pair.First.Target == pair.Second.Target
            && pair.First.Options.Order(StringComparer.Ordinal).SequenceEqual(pair.Second.Options.Order(StringComparer.Ordinal)));
}
