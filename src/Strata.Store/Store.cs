using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <summary>A store: layers, images and writable layers below one directory.</summary>
/// <remarks>
/// <para>
/// Any number of threads and processes may use one store at once. No lock is held across processes while a layer is unpacked but the one that
/// keeps two of them from unpacking the same one. The order of writes, and what a crash at each step leaves, is in docs/design/crash-order.md.
/// </para>
/// <code>
/// using var store = Store.Open(new StoreOptions { Root = "/var/lib/strata" });
/// var top = store.RegisterLayers(inputs)[^1];
/// store.CreateWritable("box", top.ChainId);
/// string path = store.Mount("box");
/// </code>
/// </remarks>
public sealed partial class Store : IDisposable
{
    private readonly StoreLayout _layout;
    private readonly Database _database;
    private readonly LayerLimits _limits;
    private readonly Reserve _reserve;
    private readonly Holds _holds;
    private readonly string? _lease;
    private readonly FlushQueue? _flushes; // null: every call is durable when it returns

    private Store(StoreLayout layout, Database database, IDriver driver, StoreOptions options)
    {
        _layout = layout;
        _database = database;
        _limits = options.Limits;
        _lease = options.Lease;
        _reserve = new Reserve(layout);
        _holds = new Holds(layout);
        Driver = driver;
        SharedStores = OpenShared(options, layout, driver);
        if (options.SnapshotFlush is { } delay)
        {
            database.LeaveCheckpoints();
            _flushes = new FlushQueue(database.Flush, delay, database.Checkpoint, database.Rest);
        }
        Snapshots = new SnapshotStore(this, database, layout, _flushes);
        Graph = new GraphStore(this, database, layout);
    }

    /// <summary>The driver that holds the layers.</summary>
    public IDriver Driver { get; }

    /// <summary>The store's directory.</summary>
    public string Root => _layout.Root;

    /// <summary>Opens a store, and makes it if the directory is new; finishes what a crashed process left half done.</summary>
    /// <exception cref="StrataException">
    /// FailedPrecondition: it is of another version, or of another driver. NotSupported: no driver can serve. PermissionDenied, Corrupt.
    /// </exception>
    public static Store Open(StoreOptions options)
    {
        string root = Path.GetFullPath(options.Root);
        var layout = new StoreLayout(root);
        try
        {
            layout.Create();
        }
        catch (UnauthorizedAccessException e)
        {
            throw StrataException.PermissionDenied($"Can't make or use the store {root}: {e.Message} Choose another one with --root DIR.", e);
        }
        catch (IOException e) when (FileErrors.Translate(e, "").Kind is not (ErrorKind.Exhausted or ErrorKind.Corrupt))
        {
            throw StrataException.FailedPrecondition($"Can't make or use the store {root}: {e.Message} Choose another one with --root DIR.", e);
        }
        catch (IOException e)
        {
            throw FileErrors.Translate(e, $"Can't make or use the store {root}");
        }
        var reserve = new Reserve(layout);
        var database = reserve.Using(() => Database.Open(layout.Database, create: true));
        try
        {
            var registry = options.Registry ?? DriverRegistry.CreateDefault();
            var driver = Guard($"Can't open the store {root}", () => OpenDriver(database, registry, root, options));
            if (driver is ITrash trash)
                trash.KeepsTrash = options.DeletesLater;
            var store = new Store(layout, database, driver, options);
            return Guard($"Can't finish in {root} what a process left that ended early", () =>
            {
                reserve.Using(() =>
                {
                    store.Recover();
                    return true;
                });
                reserve.Fill();
                return store;
            });
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>A private file on the store's file system, for something on its way; deleted when it is closed.</summary>
    public FileStream OpenTemporary() => Guard($"Can't make a temporary file in {Root}", _layout.OpenTemporary);

    /// <summary>Closes the store. Mounts stay.</summary>
    public void Dispose()
    {
        _flushes?.Dispose();
        _holds.Dispose();
        foreach (var shared in SharedStores)
            shared.Dispose();
        _database.Dispose();
    }

    /// <summary>File errors get their kind at this door.</summary>
    internal static T Guard<T>(string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            throw FileErrors.Translate(e, what);
        }
    }

    /// <summary>A store belongs to the driver that made its first layer: another one would not see its layers.</summary>
    private static IDriver OpenDriver(Database database, DriverRegistry registry, string root, StoreOptions options)
    {
        string? recorded = database.Read(s => s.List("SELECT value FROM meta WHERE key='driver'", r => r.GetString(0)).FirstOrDefault());
        string? wanted = options.Driver is { Length: > 0 } named ? registry.Resolve(named) : null;
        if (recorded is not null && wanted is not null && recorded != wanted)
        {
            throw StrataException.FailedPrecondition(
                $"The store {root} is kept by the driver {recorded}; {wanted} would not see its layers. Leave out --driver, or use another --root.");
        }
        var driver = registry.New(root, wanted ?? recorded, DriverOptions.Parse(options.DriverOptions));
        if (recorded is not null)
            return driver;
        string kept = database.Write(s =>
        {
            s.Run("INSERT OR IGNORE INTO meta VALUES ('driver', $1)", driver.Name);
            return s.List("SELECT value FROM meta WHERE key='driver'", r => r.GetString(0))[0];
        });
        // Another process may have made the store at the same time, with another driver.
        return kept == driver.Name ? driver : OpenDriver(database, registry, root, options);
    }
}
