using System.Globalization;
using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Making the metadata again.</content>
public sealed partial class Store
{
    private static readonly string[] _companions = ["-wal", "-shm"]; // SQLite's, beside the database

    /// <summary>Makes a store's metadata again from what lies on disk; needs none, and reads none.</summary>
    /// <remarks>
    /// <para>
    /// Layers, images and writable layers are named by the files beside the metadata (docs/design/disk-layout.md). A layer that has none is identified by
    /// its content, which is read. Layers that nothing lies on are put under the lease <see cref="AppliedLease"/>, so that none is collected whose
    /// reason is lost. Lost are other leases, the keys of snapshots, where layers came from, and where writable layers were bound to.
    /// </para>
    /// <para>Nobody else may use the store meanwhile. The new metadata takes the old one's place by one rename, when it is whole; the old one is kept.</para>
    /// </remarks>
    /// <param name="options">The store; its driver is found by what lies below the root, if none is named.</param>
    /// <param name="progress">Told of layers, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is changed then.</param>
    /// <exception cref="StrataException">NotFound: there is no store. Unavailable: somebody uses it. What opening a driver throws.</exception>
    public static RebuildReport Rebuild(StoreOptions options, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        string root = Path.GetFullPath(options.Root);
        if (!Directory.Exists(root))
            throw StrataException.NotFound($"There is no store {root}.");
        var layout = new StoreLayout(root);
        return Guard($"Can't make the metadata of {root} again", () =>
        {
            layout.Create();
            using var only = ProcessLock.TryAcquire(Path.Combine(layout.Locks, "rebuild")) ?? throw StrataException.Unavailable($"Another process makes the metadata of {root} again.");
            RequireUnused(layout);
            var registry = options.Registry ?? DriverRegistry.CreateDefault();
            if (options.Driver is null or "" && registry.FindPrior(root).Count == 0)
                throw StrataException.NotFound($"There is nothing in {root} that metadata could be made of: no driver has a layer there.");
            var driver = registry.New(root, options.Driver is { Length: > 0 } named ? registry.Resolve(named) : null, DriverOptions.Parse(options.DriverOptions));
            string made = layout.Database + ".new";
            TreeRemover.Remove(made);
            foreach (string suffix in _companions)
                TreeRemover.Remove(made + suffix);
            RebuildReport report;
            using (var database = Database.Open(made, create: true))
                report = new Rebuilder(driver, layout, database, progress).Run(cancellationToken);
            string? aside = File.Exists(layout.Database)
                ? $"{layout.Database}.{DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}.old"
                : null;
            if (aside is not null)
                File.Copy(layout.Database, aside); // a copy: there is never a moment without any
            foreach (string suffix in _companions)
            {
                if (File.Exists(layout.Database + suffix))
                    File.Move(layout.Database + suffix, (aside ?? layout.Database + ".old") + suffix, overwrite: true);
            }
            DurableFile.SyncFileSystem(root);
            File.Move(made, layout.Database, overwrite: true);
            DurableFile.SyncFileSystem(root);
            return report with { KeptAside = aside };
        });
    }

    /// <summary>Throws if a process makes or removes layers, or holds some.</summary>
    private static void RequireUnused(StoreLayout layout)
    {
        foreach (string path in Directory.EnumerateFiles(layout.Leases).Concat(Directory.EnumerateFiles(layout.Holds, "*.lock")))
        {
            using var free = ProcessLock.TryAcquire(path);
            if (free is null)
                throw StrataException.Unavailable($"A process uses the store {layout.Root} just now. Let it end, then try again.");
        }
    }
}
