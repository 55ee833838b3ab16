using Strata.Drivers;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>Layers that their owner names: the seed's driver on a store, for Docker's layer store and whoever else keeps names and counts himself.</summary>
/// <remarks>
/// <para>
/// The calls are those of <see cref="IDriver"/>, on a store that others use too. A tar that is applied onto a known chain becomes a layer of the
/// store: one that is there already is shared and kept once. An applied tar comes back byte for byte, whatever the driver.
/// </para>
/// <code>
/// store.Graph.Create("a3f…", parent: null);
/// store.Graph.ApplyDiff("a3f…", parent: null, tar);
/// store.Graph.CreateReadWrite("c0d…-init", "a3f…");
/// string root = store.Graph.Get("c0d…-init");
/// store.Graph.Put("c0d…-init");
/// </code>
/// <para>
/// A call that is made again because its answer got lost is answered as the first one: of <see cref="Create"/> and <see cref="Remove(string, CancellationToken)"/> that is
/// the same, and <see cref="ApplyDiff"/> refuses, since nobody can know where its tar goes on. Any number of threads and processes; calls for
/// different IDs never wait for each other.
/// </para>
/// </remarks>
public sealed partial class GraphStore
{
    private const int MaxIdBytes = 128;

    private readonly Store _store;
    private readonly Database _database;
    private readonly StoreLayout _layout;
    private readonly KeyLocks _locks = new();

    internal GraphStore(Store store, Database database, StoreLayout layout)
    {
        _store = store;
        _database = database;
        _layout = layout;
    }

    private IDriver Driver => _store.Driver;

    /// <summary>How the owners of layers that are made from now on are kept; null: as they are. Kept in the store.</summary>
    public IdMapping? IdMapping
    {
        get => GetSetting("graph-ids") is { } text ? IdMapping.Parse(text) : null;
        set => SetSetting("graph-ids", value?.ToString());
    }

    /// <summary>All layers, in the order in which they were made.</summary>
    public IReadOnlyList<GraphLayer> List() => _database.Read(s => s.ListGraphLayers());

    /// <summary>A layer, or null.</summary>
    public GraphLayer? Find(string id) => _database.Read(s => s.FindGraphLayer(Check(id)));

    /// <summary>True if there is such a layer.</summary>
    public bool Exists(string id) => Find(id) is not null;

    /// <summary>Makes a layer whose content is to be applied. One that is there already, on the same parent and still empty, is taken for it.</summary>
    /// <exception cref="StrataException">AlreadyExists. NotFound: there is no such parent. InvalidArgument: an ID is none, or a storage option not known.</exception>
    public void Create(string id, string? parent, CreateOptions? options = null, CancellationToken cancellationToken = default) =>
        Make(id, parent, options, writable: false, cancellationToken);

    /// <summary>Makes a layer that is to be written to, as <see cref="Create"/>.</summary>
    public void CreateReadWrite(string id, string? parent, CreateOptions? options = null, CancellationToken cancellationToken = default) =>
        Make(id, parent, options, writable: true, cancellationToken);

    /// <summary>Removes a layer. One that is not there is no error. What its owner forgot to give back of its mounts is given back.</summary>
    /// <exception cref="StrataException">FailedPrecondition: another layer is on it, or somebody is in its mount.</exception>
    public void Remove(string id, CancellationToken cancellationToken = default)
    {
        using var held = _locks.Acquire(Check(id), cancellationToken);
        if (Find(id) is not { } layer)
            return;
        Store.Guard($"Can't remove layer {id}", () => _store.Reserve.Using(() =>
        {
            Remove(layer);
            return true;
        }));
    }

    /// <summary>The directory in which a layer's root file system stands. Each call wants one <see cref="Put"/>; counted across processes and restarts.</summary>
    /// <exception cref="StrataException">NotFound. FailedPrecondition: a tar was applied to it by half.</exception>
    public string Get(string id, string? mountLabel = null, CancellationToken cancellationToken = default)
    {
        using var held = _locks.Acquire(Check(id), cancellationToken);
        var layer = RequireWhole(id);
        return Store.Guard($"Can't mount layer {id}", () => layer.IdMapping is not null && MountDirectory is { } directory
            ? GetMapped(layer, directory, mountLabel)
            : Driver.Get(layer.DriverId, mountLabel));
    }

    /// <summary>Gives back one <see cref="Get"/>; the last one unmounts. Of a layer that is not there it is no error.</summary>
    /// <exception cref="StrataException">FailedPrecondition: the mount is busy.</exception>
    public void Put(string id, CancellationToken cancellationToken = default)
    {
        using var held = _locks.Acquire(Check(id), cancellationToken);
        if (Find(id) is not { } layer)
            return;
        Store.Guard($"Can't unmount layer {id}", () =>
        {
            if (layer.IdMapping is not null && MountDirectory is { } directory)
                PutMapped(layer, directory);
            else
                Driver.Put(layer.DriverId);
            return true;
        });
    }

    /// <summary>Where a layer lies, by Docker's keys.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public IReadOnlyDictionary<string, string> GetMetadata(string id) => Driver.GetMetadata(GetLayer(id).DriverId);

    /// <summary>Unmounts all of these layers, whatever the counts say. The layers stay, and so do all other mounts of the store.</summary>
    /// <exception cref="StrataException">FailedPrecondition: one is busy. All others are unmounted.</exception>
    public void Cleanup()
    {
        StrataException? first = null;
        foreach (var layer in List())
        {
            using var held = _locks.Acquire(layer.Id, CancellationToken.None);
            try
            {
                Unmount(layer);
            }
            catch (StrataException e)
            {
                first ??= e;
            }
        }
        if (first is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }

    private void Make(string id, string? parent, CreateOptions? options, bool writable, CancellationToken cancellationToken)
    {
        Check(id);
        parent = parent is { Length: > 0 } ? Check(parent) : null;
        using var held = _locks.Acquire(id, cancellationToken);
        Store.Guard($"Can't make layer {id}", () =>
        {
            if (_database.Read(s => CheckNew(s, id, parent, writable, out var found) ? (New: true, Parent: found) : (New: false, Parent: null)) is not { New: true } allowed)
                return false; // the answer to the first call got lost
            var layer = new GraphLayer(id, parent, writable, GraphContent.None, null, Rows.Now()) { DriverId = LayerId.New(), IdMapping = IdMapping };
            using var lease = Lease.Take(_layout, layer.DriverId);
            try
            {
                if (writable)
                    Driver.CreateReadWrite(layer.DriverId, allowed.Parent?.DriverId, options);
                else
                    Driver.Create(layer.DriverId, allowed.Parent?.DriverId, options);
                bool mine = _database.Write(s =>
                {
                    if (!CheckNew(s, id, parent, writable, out _))
                        return false;
                    s.Insert(layer);
                    return true;
                });
                if (!mine)
                {
                    _store.DiscardQuietly(layer.DriverId, lease);
                    return false;
                }
            }
            catch
            {
                _store.DiscardQuietly(layer.DriverId, lease);
                throw;
            }
            Record(layer, lease);
            return true;
        });
    }

    /// <summary>False: it is there, as it would be made.</summary>
    private static bool CheckNew(Session s, string id, string? parent, bool writable, out GraphLayer? below)
    {
        below = null;
        if (s.FindGraphLayer(id) is { } there)
        {
            if (there.Parent == parent && there.Writable == writable && there.Content == GraphContent.None)
                return false;
            throw StrataException.AlreadyExists($"There is a layer {id} already.");
        }
        if (parent is null)
            return true;
        below = s.FindGraphLayer(parent) ?? throw StrataException.NotFound($"There is no layer {parent}, on which {id} was to be made.");
        return below.Content != GraphContent.Begun ? true : throw Half(parent);
    }

    private void Remove(GraphLayer layer)
    {
        var (child, shared) = _database.Read(s => (s.FindGraphChild(layer.Id), s.Count("SELECT count(*) FROM graph WHERE driver_id=$1", layer.DriverId.ToString()) > 1));
        if (child is not null)
            throw HasChild(layer.Id, child);
        if (!shared)
            Unmount(layer); // else what is mounted may be another's
        using var lease = Lease.Take(_layout, layer.DriverId); // from here on recovery finishes what a crash interrupts
        _database.Write(s =>
        {
            if (s.FindGraphChild(layer.Id) is { } made) // meanwhile
                throw HasChild(layer.Id, made);
            return s.Run("DELETE FROM graph WHERE id=$1 AND driver_id=$2", layer.Id, layer.DriverId.ToString());
        });
        File.Delete(_layout.GraphFact(layer));
        if (layer.Layer is not { } chain)
        {
            _store.Discard(layer.DriverId, lease);
            return;
        }
        lease.Dispose(); // the layer's own is the same
        _store.RemoveUnused(chain);
    }

    private static StrataException HasChild(string id, string child) => StrataException.FailedPrecondition($"Can't remove layer {id}: {child} is on it. Remove that first.");

    private void Unmount(GraphLayer layer)
    {
        if (layer.IdMapping is not null && MountDirectory is { } directory)
            UnmountMapped(layer, directory);
        while (_store.IsMounted(layer.DriverId))
            Driver.Put(layer.DriverId);
    }

    private GraphLayer GetLayer(string id) => Find(id) ?? throw StrataException.NotFound($"There is no layer {id} in the store.");

    private GraphLayer RequireWhole(string id)
    {
        var layer = GetLayer(id);
        return layer.Content != GraphContent.Begun ? layer : throw Half(id);
    }

    private static StrataException Half(string id) => StrataException.FailedPrecondition(
        $"Layer {id} is not whole: applying its tar has not ended, or failed. Remove it and make it again.");

    private static string Check(string id) => LayerId.Parse(id).ToString() is { Length: <= MaxIdBytes } text ? text : throw StrataException.InvalidArgument($"'{id}' is too long.");
}
