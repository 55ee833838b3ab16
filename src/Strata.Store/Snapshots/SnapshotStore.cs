using System.Text;
using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <summary>Snapshots: what containerd's snapshotters do, written once for all drivers.</summary>
/// <remarks>
/// <para>
/// A snapshot is prepared on a committed one (or on nothing), mounted, written to, and committed under a name, on which others are prepared; or
/// it is viewed, or removed. Keys and names are one space, opaque, and never used as file names.
/// </para>
/// <code>
/// var mounts = snapshots.Prepare("box", parent: null);   // performed by whoever wants to write to it
/// snapshots.Commit("layer", "box");
/// snapshots.Prepare("other", "layer");
/// </code>
/// <para>
/// Safe under many threads and processes; calls for different keys wait for each other only in the metadata's transactions. Each call is done or
/// was never made, also after a crash (docs/design/crash-order.md); with <see cref="StoreOptions.SnapshotFlush"/> a power cut may undo the last ones before it
/// that no <see cref="Commit(string, string, IReadOnlyDictionary{string, string}?, string?)"/> followed. What mounts lie on stays mounted until the snapshot is removed or
/// committed; after a restart of the machine the next <see cref="Mounts"/> mounts it again.
/// </para>
/// </remarks>
public sealed partial class SnapshotStore
{
    /// <summary>The most bytes of a key.</summary>
    public const int MaxKeyBytes = 4096;

    private readonly Store _store;
    private readonly Database _database;
    private readonly StoreLayout _layout;
    private readonly KeyLocks _locks = new();
    private readonly SharedSync _layersSync;
    private readonly SharedSync _recipesSync;

    internal SnapshotStore(Store store, Database database, StoreLayout layout, FlushQueue? flushes)
    {
        _store = store;
        _database = database;
        _layout = layout;
        _layersSync = new SharedSync(() => _store.Driver.Sync());
        _recipesSync = new SharedSync(() => DurableFile.SyncFileSystem(_layout.Recipes));
        _flushes = flushes;
    }

    private IDriver Driver => _store.Driver;

    /// <summary>Makes a snapshot to be written to.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="parent">The committed snapshot that it looks like, or null or empty.</param>
    /// <param name="labels">Its labels. With <see cref="SnapshotLabels.Target"/> it is not made where such a layer is here already: see below.</param>
    /// <returns>What to mount, one upon the other, to see it.</returns>
    /// <exception cref="StrataException">
    /// AlreadyExists: the key is in use, or the layer that the label names is here and now is a committed snapshot on that parent, with that label.
    /// NotFound: there is no such parent. InvalidArgument: the parent is not committed; the key or a label can't be one.
    /// </exception>
    public IReadOnlyList<Mount> Prepare(string key, string? parent = null, IReadOnlyDictionary<string, string>? labels = null) =>
        Create(SnapshotKind.Active, key, parent, labels);

    /// <summary>Makes a snapshot to be looked at.</summary>
    /// <inheritdoc cref="Prepare"/>
    public IReadOnlyList<Mount> View(string key, string? parent = null, IReadOnlyDictionary<string, string>? labels = null) =>
        Create(SnapshotKind.View, key, parent, labels);

    /// <summary>What to mount to see a snapshot that is active or a view.</summary>
    /// <exception cref="StrataException">NotFound. FailedPrecondition: it is committed.</exception>
    public IReadOnlyList<Mount> Mounts(string key)
    {
        using var held = _locks.Acquire(Check(key));
        var snapshot = Get(key);
        if (snapshot.Kind == SnapshotKind.Committed)
            throw StrataException.FailedPrecondition($"The snapshot '{key}' is committed: it is mounted by a view of it.");
        return Store.Guard($"Can't tell the mounts of '{key}'", () =>
        {
            // Whoever mounts it may write to it: then it is no longer what was applied.
            if (snapshot.Applied is not null && !Driver.Capabilities.ReproducesExactDiffs)
                _database.Write(s => s.SetApplied(snapshot, null));
            var mounts = Acquire(snapshot);
            if (_database.ReadOne(s => s.FindSnapshot(key))?.Holder == snapshot.Holder)
                return mounts;
            Driver.ReleaseMounts(snapshot.Holder); // another process removed it
            throw Missing(key);
        });
    }

    /// <summary>A snapshot.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public SnapshotRecord Stat(string key) => Get(Check(key));

    /// <summary>Replaces labels.</summary>
    /// <param name="key">The snapshot.</param>
    /// <param name="labels">The new labels; one without a value is removed.</param>
    /// <param name="fields">What is replaced: <c>labels</c> for all, <c>labels.KEY</c> for one; empty: all.</param>
    /// <returns>The snapshot as it is then.</returns>
    /// <exception cref="StrataException">NotFound. InvalidArgument: a field can't be changed.</exception>
    public SnapshotRecord Update(string key, IReadOnlyDictionary<string, string> labels, IReadOnlyList<string>? fields = null)
    {
        const string One = "labels.";
        Check(key);
        foreach (string field in fields ?? [])
        {
            if (field != "labels" && !field.StartsWith(One, StringComparison.Ordinal))
                throw StrataException.InvalidArgument($"'{field}' of a snapshot can't be changed: only labels can.");
        }
        bool soon = MayBeSoon;
        var done = Write(soon, s =>
        {
            var old = s.FindSnapshot(key) ?? throw Missing(key);
            var changed = new Dictionary<string, string>(old.Labels, StringComparer.Ordinal);
            foreach (string field in fields is { Count: > 0 } ? fields : ["labels"])
            {
                if (field == "labels")
                    changed = new Dictionary<string, string>(labels, StringComparer.Ordinal);
                else
                    changed[field[One.Length..]] = labels.GetValueOrDefault(field[One.Length..], "");
            }
            var updated = old with { Labels = SnapshotLabels.Check(changed), Updated = DateTimeOffset.UtcNow };
            s.Replace(old, updated);
            return updated;
        });
        if (soon)
            _flushes!.Add(static () => { });
        return done;
    }

    /// <summary>The snapshots that any of some filters lets pass, by key; without filters all of them.</summary>
    /// <param name="filters">In containerd's words: <see cref="SnapshotFilter"/>.</param>
    /// <exception cref="StrataException">InvalidArgument: a filter is none.</exception>
    public IReadOnlyList<SnapshotRecord> List(IReadOnlyList<string>? filters = null)
    {
        var parsed = (filters ?? []).Select(SnapshotFilter.Parse).ToArray();
        var all = _database.ReadOne(s => s.List($"SELECT {SnapshotRows.Columns} FROM snapshots ORDER BY key", SnapshotRows.Read));
        return parsed.Length == 0 ? all : all.FindAll(snapshot => parsed.Any(filter => filter.Matches(snapshot)));
    }

    /// <summary>What a snapshot itself takes on disk, its parents not included. A view takes nothing.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public Usage Usage(string key, CancellationToken cancellationToken = default)
    {
        var snapshot = Get(Check(key));
        if (snapshot.Kind == SnapshotKind.View && !snapshot.OwnsLayer)
            return new Usage(0, 0);
        try
        {
            return Store.Guard($"Can't measure '{key}'", () => Driver.GetUsage(snapshot.DriverId, cancellationToken));
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotFound && _database.ReadOne(s => s.FindSnapshot(key)) is null)
        {
            throw Missing(key); // removed while it was measured
        }
    }

    /// <summary>Deletes what processes left that ended in the middle of a call.</summary>
    public void Cleanup() => Store.Guard($"Can't clean up in {_store.Root}", () =>
    {
        _store.Recover();
        return true;
    });

    private SnapshotRecord Get(string key) => _database.ReadOne(s => s.FindSnapshot(key)) ?? throw Missing(key);

    private IReadOnlyList<Mount> Acquire(SnapshotRecord snapshot) =>
        WithIdMaps(Driver.AcquireMounts(snapshot.DriverId, snapshot.Holder, new MountRequest(ReadOnly: snapshot.Kind == SnapshotKind.View)), snapshot.Labels);

    private static string Check(string key)
    {
        if (key.Length == 0)
            throw StrataException.InvalidArgument("A snapshot's key can't be empty.");
        if (key.Contains('\0'))
            throw StrataException.InvalidArgument("A snapshot's key can't hold NUL.");
        int bytes = Encoding.UTF8.GetByteCount(key);
        return bytes <= MaxKeyBytes ? key : throw StrataException.InvalidArgument($"A snapshot's key of {bytes} bytes is too long: {MaxKeyBytes} are the most.");
    }

    private static StrataException Missing(string key) => StrataException.NotFound($"There is no snapshot '{key}' in the store.");

    private static StrataException Taken(string key) => StrataException.AlreadyExists($"There is a snapshot '{key}' already.");
}
