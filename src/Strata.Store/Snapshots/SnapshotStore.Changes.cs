using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>How snapshots come, are committed, and go.</content>
public sealed partial class SnapshotStore
{
    private IReadOnlyList<Mount> Create(SnapshotKind kind, string key, string? parent, IReadOnlyDictionary<string, string>? given)
    {
        Check(key);
        parent = parent is { Length: > 0 } ? Check(parent) : null;
        var labels = SnapshotLabels.Check(given);
        using var held = _locks.Acquire(key);
        var below = _database.Read(s => CheckNew(s, key, parent));
        if (kind == SnapshotKind.Active && labels.TryGetValue(SnapshotLabels.Target, out string? target))
            RefuseIfHere(target, parent, below, labels);
        return Store.Guard($"Can't make the snapshot '{key}'", () => Make(kind, key, below, labels));
    }

    private IReadOnlyList<Mount> Make(SnapshotKind kind, string key, SnapshotRecord? below, Dictionary<string, string> labels)
    {
        var now = DateTimeOffset.UtcNow;
        var holder = LayerId.New();
        // A view shows the parent's layer itself; there is none where there is no parent.
        bool own = kind == SnapshotKind.Active || below is null;
        var snapshot = new SnapshotRecord(key, below?.Key, kind, labels, now, now, null) { Holder = holder, DriverId = own ? holder : below!.DriverId };
        bool soon = MayBeSoon;
        var lease = Lease.Take(_layout, holder);
        try
        {
            if (own)
                Driver.CreateReadWrite(holder, below?.DriverId, OptionsOf(labels));
            var mounts = Acquire(snapshot);
            Write(soon, s =>
            {
                CheckNew(s, key, below?.Key);
                s.Insert(snapshot);
                return true;
            });
            GiveBack(holder, lease, soon);
            return mounts;
        }
        catch
        {
            using (lease)
                _store.DiscardQuietly(holder, lease);
            throw;
        }
    }

    /// <summary>The parent of a snapshot that may be made.</summary>
    private static SnapshotRecord? CheckNew(Session s, string key, string? parent)
    {
        if (s.FindSnapshot(key) is not null)
            throw Taken(key);
        if (parent is null)
            return null;
        var below = s.FindSnapshot(parent) ?? throw StrataException.NotFound($"There is no snapshot '{parent}', on which '{key}' was to be made.");
        return below.Kind == SnapshotKind.Committed
            ? below
            : throw StrataException.InvalidArgument($"The snapshot '{parent}' is not committed: nothing can be made on it.");
    }

    /// <summary>Makes an active snapshot a committed one: durable, and never changed any more. It may still be mounted.</summary>
    /// <param name="name">The key of what it becomes.</param>
    /// <param name="key">The active snapshot; there is none of this key afterwards.</param>
    /// <param name="labels">The labels of what it becomes; those it had are gone.</param>
    /// <param name="parent">For one that was prepared on nothing: the committed snapshot that it is put on ("rebase"). Null or empty: it stays on what it is on.</param>
    /// <exception cref="StrataException">
    /// AlreadyExists: the name is in use. NotFound: there is no such snapshot, or parent. FailedPrecondition: it is not active, or the parent not
    /// committed. InvalidArgument: it is on another parent already. NotSupported: the driver can't put it on one.
    /// </exception>
    public void Commit(string name, string key, IReadOnlyDictionary<string, string>? labels = null, string? parent = null)
    {
        Check(name);
        Check(key);
        parent = parent is { Length: > 0 } ? Check(parent) : null;
        var kept = SnapshotLabels.Check(labels);
        var (first, second) = _locks.Acquire(name, key);
        using (first)
        using (second)
        {
            Store.Guard($"Can't commit '{key}'", () =>
            {
                var (active, below) = _database.Read(s => CheckCommit(s, name, key, parent));
                Commit(active, below, name, kept, rebase: parent is not null && active.Parent is null);
                return true;
            });
        }
    }

    private void Commit(SnapshotRecord active, SnapshotRecord? below, string name, Dictionary<string, string> labels, bool rebase)
    {
        using var again = rebase ? Rebase(active, below!) : null;
        var now = DateTimeOffset.UtcNow;
        var content = again?.Snapshot ?? active;
        var made = active.Applied is { } of && (below is null || below.Layer is not null)
            ? new LayerRecord(
                ChainId.Of(below?.Layer, of.DiffId), of.DiffId, below?.Layer, content.DriverId, of.TarBytes, of.ContentBytes, of.BlobDigest, of.BlobBytes, Rows.Now())
            : null;
        if (made is not null)
            File.WriteAllBytes(_layout.LayerFact(made.DriverId), Fact.Of(made));
        _layersSync.Run(); // what was written to it, by whomever
        if (active.Applied is not null)
            _recipesSync.Run();
        var committed = content with { Key = name, Parent = below?.Key, Kind = SnapshotKind.Committed, Labels = labels, Created = now, Updated = now };
        var lease = TakeLease(active.Holder, out bool ofMaking);
        bool twice;
        try
        {
            twice = NameCommitted(active, committed, made);
        }
        catch
        {
            GiveBack(active.Holder, lease, soon: ofMaking);
            throw;
        }
        using (lease)
        {
            if (!twice)
                again?.Keep();
            if (twice || again is not null)
                _store.Discard(active.Holder, lease);
            else
                _store.ReleaseMounts(active.Holder, lease);
        }
    }

    /// <summary>The transaction of a commit. True: the layer is in the store already, and the snapshot points at that one.</summary>
    private bool NameCommitted(SnapshotRecord active, SnapshotRecord committed, LayerRecord? made) => _database.Write(s =>
    {
        CheckCommit(s, committed.Key, active.Key, committed.Parent);
        if (made?.ChainId is not { } known)
        {
            s.Replace(active, committed);
            return false;
        }
        var layer = s.List($"SELECT {Rows.LayerColumns} FROM layers WHERE chain=$1", Rows.Layer, known.ToString()).FirstOrDefault();
        if (layer is null)
        {
            Rows.Insert(s, made);
            s.Run("UPDATE layers SET by_snapshot=1 WHERE chain=$1", known.ToString());
            s.Replace(active, committed with { Layer = known });
            return false;
        }
        // Somebody else applied the same: one copy is enough, and it is that one.
        s.Replace(active, committed with { Layer = known, DriverId = layer.DriverId, Holder = LayerId.New() });
        return true;
    });

    private static (SnapshotRecord Active, SnapshotRecord? Parent) CheckCommit(Session s, string name, string key, string? parent)
    {
        if (s.FindSnapshot(name) is not null)
            throw Taken(name);
        var active = s.FindSnapshot(key) ?? throw Missing(key);
        if (active.Kind != SnapshotKind.Active)
            throw StrataException.FailedPrecondition($"The snapshot '{key}' is not active: it can't be committed.");
        if (parent is not null && active.Parent is not null && active.Parent != parent)
            throw StrataException.InvalidArgument($"The snapshot '{key}' is on '{active.Parent}': it can't be put on '{parent}'.");
        if ((parent ?? active.Parent) is not { } below)
            return (active, null);
        var found = s.FindSnapshot(below) ?? throw StrataException.NotFound($"There is no snapshot '{below}', on which '{key}' was to be put.");
        return found.Kind == SnapshotKind.Committed
            ? (active, found)
            : throw StrataException.FailedPrecondition($"The snapshot '{below}' is not committed: '{key}' can't be put on it.");
    }

    /// <summary>Removes a snapshot with all that was written to it. Whoever still has it mounted must end that first.</summary>
    /// <exception cref="StrataException">NotFound. FailedPrecondition: another snapshot is on it.</exception>
    public void Remove(string key)
    {
        using var held = _locks.Acquire(Check(key));
        var snapshot = Get(key);
        Store.Guard($"Can't remove the snapshot '{key}'", () => _store.Reserve.Using(() =>
        {
            Remove(snapshot);
            return true;
        }));
    }

    private void Remove(SnapshotRecord snapshot)
    {
        bool soon = MayBeSoon && snapshot.Layer is null;
        var lease = TakeLease(snapshot.Holder, out bool ofMaking); // from here on recovery finishes what a crash interrupts
        try
        {
            Write(soon, s =>
            {
                if (s.List("SELECT key FROM snapshots WHERE parent=$1 LIMIT 1", r => r.GetString(0), snapshot.Key).FirstOrDefault() is { } child)
                    throw StrataException.FailedPrecondition($"Can't remove the snapshot '{snapshot.Key}': '{child}' is on it. Remove that first.");
                return s.Run("DELETE FROM snapshots WHERE key=$1 AND holder=$2", snapshot.Key, snapshot.Holder.ToString()) == 1 ? true : throw Missing(snapshot.Key);
            });
        }
        catch
        {
            GiveBack(snapshot.Holder, lease, soon: ofMaking);
            throw;
        }
        if (soon)
            FinishLater(snapshot, lease);
        else
            Finish(snapshot, lease);
    }

    private void Finish(SnapshotRecord removed, Lease lease)
    {
        using (lease)
        {
            if (removed.OwnsLayer)
                _store.Discard(removed.Holder, lease);
            else
                _store.ReleaseMounts(removed.Holder, lease);
        }
        if (removed.Layer is { } layer) // its own lease may be the same
            _store.RemoveUnused(layer);
    }

    /// <summary>The files go when the removal is durable: until then a power cut brings the snapshot back, whole.</summary>
    private void FinishLater(SnapshotRecord removed, Lease lease)
    {
        try
        {
            _store.ReleaseMounts(removed.Holder, lease);
        }
        finally
        {
            _flushes!.Add(() =>
            {
                using (lease)
                {
                    if (removed.OwnsLayer)
                        _store.DiscardQuietly(removed.Holder, lease);
                }
            });
        }
    }
}
