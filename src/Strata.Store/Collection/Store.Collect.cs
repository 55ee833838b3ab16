using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Garbage collection: what is reachable from no root goes.</content>
public sealed partial class Store
{
    private const int LayersATransaction = 64;
    private const int DocumentsALock = 64;

    /// <summary>
    /// Removes the layers that are reachable from no image, no writable layer, no lease and no other root, the documents that no image names, and what
    /// interrupted removals left.
    /// </summary>
    /// <remarks>
    /// A layer that another process registers or finds meanwhile is not taken (<see cref="RegisterLayers"/> holds it). Metadata goes first, in short
    /// transactions; nothing is deleted under a lock or in a transaction that others wait for. A kill leaves layers that are whole, or that the next
    /// opening of the store removes. What can't be removed is told and stays. Any number may run at once.
    /// </remarks>
    public CollectReport Collect(CollectOptions? options = null, CancellationToken cancellationToken = default) =>
        Guard($"Can't collect the garbage of the store {Root}", () => CollectAll(options ?? new CollectOptions(), cancellationToken));

    private CollectReport CollectAll(CollectOptions options, CancellationToken cancellationToken)
    {
        var failures = new List<Finding>();
        var ended = _reserve.Using(() => options.DryRun ? _database.Read(EndedLeases) : _database.Write(s =>
        {
            var names = EndedLeases(s);
            RemoveExpired(s);
            return names;
        }));
        var images = CollectImages(options.UnnamedImages, options.DryRun, cancellationToken);
        var layers = CollectLayers(options, [.. images.Select(i => i.Manifest.ToString())], failures, cancellationToken);
        var documents = CollectDocuments(options.DryRun, images, cancellationToken);
        var leftovers = CollectLeftovers(options.DryRun, failures, cancellationToken);
        return new CollectReport { Layers = layers, Images = images, Documents = documents, Leftovers = leftovers, EndedLeases = ended, Failures = failures };
    }

    private static List<string> EndedLeases(Session s) =>
        s.List("SELECT name FROM leases WHERE expires <= $1 ORDER BY name", r => r.GetString(0), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

    private List<ImageRecord> CollectImages(bool all, bool dryRun, CancellationToken cancellationToken)
    {
        // Those of shared stores are here as long as they are used; any other one is its owner's to keep.
        string which = all ? "" : "borrowed=1 AND ";
        string query = $"SELECT {Rows.ImageColumns} FROM images WHERE {which}manifest NOT IN ({Roots.Union(Roots.Images)}) ORDER BY created, manifest";
        var candidates = _database.Read(s => s.ListWhole(query, Rows.Image));
        if (candidates.Any(image => image.IsBorrowed))
        {
            HashSet<string> held;
            using (ProcessLock.Acquire(_layout.CollectLock))
                held = Holds.Read(_layout, sweep: false);
            candidates.RemoveAll(image => image.IsBorrowed && held.Contains(image.Manifest.ToString()));
        }
        if (dryRun)
            return candidates;
        var removed = new List<ImageRecord>();
        foreach (var image in candidates)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var documents = LockDocuments(); // nobody gives it a name between our look and its end
            string key = image.Manifest.ToString();
            if (!_reserve.Using(() => _database.Write(s => s.UserOf(Roots.Images, key) is null && Find(s, image.Manifest) is { } found && RemoveRow(s, found))))
                continue;
            RecordImages([key]);
            removed.Add(image);
        }
        return removed;
    }

    private static bool RemoveRow(Session s, ImageRecord image)
    {
        s.Run("DELETE FROM images WHERE manifest=$1", image.Manifest.ToString());
        RemoveIndexes(s, image, [], []); // other images that an index kept have no name either, and are looked at by themselves
        return true;
    }

    private List<(LayerRecord, Usage)> CollectLayers(CollectOptions options, HashSet<string> withoutImages, List<Finding> failures, CancellationToken cancellationToken)
    {
        var garbage = FindGarbage(options.DryRun ? withoutImages : [], sweep: !options.DryRun);
        if (options.DryRun)
            return [.. garbage.Select(layer => (layer, UsageOf(layer.DriverId)))];
        var removed = new List<(LayerRecord, Usage)>();
        for (int i = 0; i < garbage.Count; i += LayersATransaction)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var batch = garbage.GetRange(i, Math.Min(LayersATransaction, garbage.Count - i));
            removed.AddRange(Remove(batch, failures));
            options.Progress?.Report(new ProgressReport("layers", i + batch.Count, garbage.Count));
        }
        return removed;
    }

    /// <summary>The layers that nothing reaches, each before the one that it lies on.</summary>
    /// <param name="withoutImages">Images that count as gone.</param>
    /// <param name="sweep">True: holds of processes that are no more are removed.</param>
    private List<LayerRecord> FindGarbage(HashSet<string> withoutImages, bool sweep)
    {
        HashSet<string> held;
        using (ProcessLock.Acquire(_layout.CollectLock))
            held = Holds.Read(_layout, sweep);
        var garbage = _database.Read(s =>
        {
            string roots = Roots.Union(Roots.Layers);
            if (withoutImages.Count > 0)
            {
                // A dry run: the images are still there.
                string others = string.Join(", ", withoutImages.Select(manifest => $"'{Digest.Parse(manifest)}'"));
                roots = $"SELECT top FROM images WHERE top IS NOT NULL AND manifest NOT IN ({others}) UNION {Roots.Union(Roots.Layers.Where(root => root.Table != "images"))}";
            }
            return s.ListWhole(
                $"WITH RECURSIVE live (chain) AS ({roots} UNION SELECT layers.parent FROM live JOIN layers ON layers.chain = live.chain WHERE layers.parent IS NOT NULL) "
                + $"SELECT {Rows.LayerColumns} FROM layers WHERE chain NOT IN (SELECT chain FROM live)", Rows.Layer);
        }).ToDictionary(layer => layer.ChainId);
        foreach (string text in held)
        {
            for (ChainId? next = Digest.TryParse(text, out var digest) ? new ChainId(digest) : null; next is { } chain && garbage.Remove(chain, out var kept);)
                next = kept.Parent;
        }
        var above = garbage.Values.Where(layer => layer.Parent is not null).GroupBy(layer => layer.Parent!.Value).ToDictionary(group => group.Key, group => group.Count());
        var order = new List<LayerRecord>();
        var free = new Stack<LayerRecord>(garbage.Values.Where(layer => !above.ContainsKey(layer.ChainId)).OrderByDescending(layer => layer.Created));
        while (free.TryPop(out var layer))
        {
            order.Add(layer);
            if (layer.Parent is { } parent && garbage.TryGetValue(parent, out var below) && --above[parent] == 0)
                free.Push(below);
        }
        return order;
    }

    /// <summary>Removes those of some layers that nothing uses: first their metadata, all in one transaction, then their files.</summary>
    private List<(LayerRecord, Usage)> Remove(List<LayerRecord> topFirst, List<Finding> failures)
    {
        var leases = new Dictionary<ChainId, Lease>();
        try
        {
            // From here on recovery finishes what a crash interrupts. Who else removes one of them just now has its lease.
            foreach (var layer in topFirst)
            {
                if (_reserve.Using(() => Lease.TryTake(_layout, layer.DriverId)) is { } lease)
                    leases.Add(layer.ChainId, lease);
            }
            List<LayerRecord> gone;
            using (ProcessLock.Acquire(_layout.CollectLock))
            {
                var held = Holds.Read(_layout, sweep: true);
                gone = _reserve.Using(() => _database.Write(s => topFirst.Where(layer =>
                    leases.ContainsKey(layer.ChainId) && !held.Contains(layer.ChainId.ToString()) && UserOf(s, layer.ChainId) is null
                    && s.Run("DELETE FROM layers WHERE chain=$1 AND driver_id=$2", layer.ChainId.ToString(), layer.DriverId.ToString()) == 1).ToList()));
            }
            var removed = new List<(LayerRecord, Usage)>();
            foreach (var layer in gone)
            {
                using var lease = leases[layer.ChainId];
                leases.Remove(layer.ChainId);
                try
                {
                    var usage = UsageOf(layer.DriverId);
                    Discard(layer.DriverId, lease);
                    removed.Add((layer, usage));
                }
                catch (Exception e) when (e is StrataException || FileErrors.Is(e))
                {
                    failures.Add(new Finding($"layer {layer.ChainId}", e.Message, Repaired: false, "The next command tries again."));
                }
            }
            return removed;
        }
        finally
        {
            foreach (var lease in leases.Values)
                lease.Dispose();
        }
    }

    private List<(Digest, Usage)> CollectDocuments(bool dryRun, List<ImageRecord> removedImages, CancellationToken cancellationToken)
    {
        var found = new List<(Digest, Usage)>();
        HashSet<string> goingToo = dryRun ? [.. removedImages.SelectMany(image => new[] { image.Manifest.ToString(), image.Config.ToString() })] : [];
        foreach (string[] paths in Directory.GetFiles(_layout.Blobs).Chunk(DocumentsALock))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var documents = LockDocuments();
            foreach (string path in paths)
            {
                if (!Digest.TryParse("sha256:" + Path.GetFileName(path), out var digest))
                    continue; // no document: check tells
                if (_database.Read(s => s.UserOf(Roots.Documents, digest.ToString())) is not null && !goingToo.Contains(digest.ToString()))
                    continue;
                found.Add((digest, TreeUsage.Measure(path, cancellationToken)));
                if (!dryRun)
                    File.Delete(path);
            }
        }
        if (!dryRun)
        {
            CollectImageFacts();
            CollectLocks();
        }
        return found;
    }

    /// <summary>A process that ended after an image's metadata were gone left what says what it was.</summary>
    private void CollectImageFacts()
    {
        var there = _database.Read(s => s.List("SELECT manifest FROM images", r => r.GetString(0))).ToHashSet(StringComparer.Ordinal);
        string[] gone = [.. Directory.GetFiles(_layout.ImageFacts).Select(path => "sha256:" + Path.GetFileNameWithoutExtension(path)).Where(manifest => !there.Contains(manifest))];
        foreach (string[] some in gone.Chunk(DocumentsALock))
        {
            using var documents = LockDocuments();
            RecordImages(some); // looked at again: it may have come back
        }
    }

    /// <summary>Whoever unpacks a layer deletes its lock, unless it is killed.</summary>
    private void CollectLocks()
    {
        foreach (string path in Directory.GetFiles(_layout.Locks))
        {
            if (Path.GetFileName(path).Length == 64 && ProcessLock.TryAcquireNamed(path) is { } free)
                free.Delete(path);
        }
    }

    /// <summary>What removals and makings left whose processes are no more.</summary>
    private List<(string, Usage)> CollectLeftovers(bool dryRun, List<Finding> failures, CancellationToken cancellationToken)
    {
        var swept = new List<(string, Usage)>();
        CollectPartials(dryRun, swept);
        CollectSharedCache(dryRun, swept);
        if (Driver is not ILeftovers driver)
            return swept;
        bool keeps = !dryRun && Driver is ITrash { KeepsTrash: true }; // the trash is somebody else's to empty
        foreach (var leftover in driver.FindLeftovers().Where(l => l.Kind is LeftoverKind.Unfinished or LeftoverKind.Dangling || (l.Kind == LeftoverKind.Trash && !keeps)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var usage = TreeUsage.Measure(leftover.Path, cancellationToken);
                if (dryRun || driver.SweepLeftover(leftover))
                    swept.Add((leftover.Path, usage));
            }
            catch (Exception e) when (e is StrataException || FileErrors.Is(e))
            {
                failures.Add(new Finding(leftover.Path, e.Message, Repaired: false, "The next collection tries again."));
            }
        }
        return swept;
    }

    /// <summary>What a layer takes, with what the store keeps of it. A damaged one takes what can be measured.</summary>
    private Usage UsageOf(LayerId id)
    {
        var recipe = TreeUsage.Measure(_layout.Recipe(id));
        try
        {
            var tree = Driver.GetUsage(id);
            return new Usage(tree.SizeBytes + recipe.SizeBytes, tree.Inodes + recipe.Inodes);
        }
        catch (StrataException)
        {
            return recipe; // its files are gone, or what is left of them can't be read: then nobody knows
        }
    }
}
