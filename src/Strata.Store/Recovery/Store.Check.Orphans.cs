using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>What lies on disk and no metadata names.</content>
public sealed partial class Store
{
    private static readonly TimeSpan OldTemporary = TimeSpan.FromHours(1);

    private void CheckOrphans(CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        var held = Driver.List(); // first: what is made meanwhile is not in it
        var named = ReadNamed(held.Count);
        CheckDriverLayers([.. held.Where(id => !named.Contains(id.ToString()))], named, options, findings, cancellationToken);
        foreach (var (directory, what) in new[] { (_layout.Recipes, "recipe"), (_layout.LayerFacts, "file") })
        {
            foreach (string path in Directory.EnumerateFiles(directory))
            {
                string id = Path.GetFileNameWithoutExtension(path);
                if (!named.Contains(id) && !(LayerId.TryParse(id, out var layer) && Driver.Exists(layer)))
                    SweepFile(path, $"A {what} of no layer.", id, options, findings);
            }
        }
        foreach (string path in Directory.EnumerateFiles(_layout.WritableFacts))
        {
            if (Fact.ReadName(Path.GetFileName(path)) is not { } fact || !named.Contains(fact.DriverId.ToString()))
                SweepFile(path, "A file of no writable layer.", Fact.ReadName(Path.GetFileName(path))?.DriverId.ToString(), options, findings);
        }
        foreach (string path in Directory.EnumerateFiles(_layout.GraphApplied))
        {
            if (!LayerId.TryParse(Path.GetFileName(path), out _) || !Graph.Exists(Path.GetFileName(path)))
                SweepFile(path, "A file of no layer of Docker's.", null, options, findings); // the layer is there before its file
        }
        foreach (string path in Directory.EnumerateFiles(_layout.GraphWritable))
        {
            if (GraphFact.ReadName(Path.GetFileName(path)) is not { } fact || !named.Contains(fact.DriverId.ToString()))
                SweepFile(path, "A file of no layer of Docker's.", GraphFact.ReadName(Path.GetFileName(path))?.DriverId.ToString(), options, findings);
        }
        CheckDocuments(options, findings);
        foreach (string path in Directory.EnumerateFiles(_layout.Temporary).Where(path => DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > OldTemporary))
            SweepFile(path, "A temporary file that nobody finished.", null, options, findings);
        if (options.Repair)
        {
            using (ProcessLock.Acquire(_layout.CollectLock))
                Holds.Read(_layout, sweep: true);
        }
        if (Driver is not ILeftovers driver)
            return;
        foreach (var leftover in driver.FindLeftovers())
        {
            cancellationToken.ThrowIfCancellationRequested();
            string what = leftover.Kind switch
            {
                LeftoverKind.Trash => "A removed layer that is not deleted yet.",
                LeftoverKind.Unfinished => "A layer that nobody finished.",
                LeftoverKind.Dangling => "Something of a layer that is gone.",
                LeftoverKind.Mount => leftover.Layer is { } layer ? $"A mount of layer {layer} that nobody counts." : "A mount of no layer.",
                _ => "A count of users of something that is not mounted.",
            };
            Sweep(leftover.Path, what, leftover.Kind == LeftoverKind.Mount ? default : TreeUsage.Measure(leftover.Path, cancellationToken), options, findings, () => driver.SweepLeftover(leftover));
        }
    }

    /// <summary>The driver's layers that have a name.</summary>
    private LayerIdSet ReadNamed(int expected) => _database.ReadOne(s =>
    {
        var named = new LayerIdSet(expected);
        s.EachWhole("SELECT driver_id FROM driver_ids WHERE driver_id IS NOT NULL", row => named.Add(row.GetString(0)));
        return named;
    });

    private void CheckDriverLayers(List<LayerId> orphans, LayerIdSet named, CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        if (orphans.Count == 0)
            return;
        // One on which a layer lies that has a name is needed.
        var needed = new HashSet<LayerId>();
        if (Driver is ILayerStructure structure)
        {
            foreach (var id in Driver.List().Where(id => named.Contains(id.ToString())))
                Try($"layer {id} of the driver", new Findings(), () => needed.UnionWith(structure.GetLayersBelow(id))); // what is damaged was told before
        }
        // Each before the one that it lies on: as far as that is known, the deepest first.
        foreach (var id in orphans.OrderByDescending(DepthOf))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var lease = Lease.TryTake(_layout, id); // null: somebody makes or removes it
            if (lease is null || IsNamed(id) || !Driver.Exists(id))
                continue;
            string subject = $"layer {id} of the {Driver.Name} driver";
            var usage = UsageOf(id);
            if (needed.Contains(id))
            {
                findings.Damage(subject, "No metadata names it, and layers that have a name lie on it.", "strata rebuild makes the metadata again from what lies on disk.");
                continue;
            }
            Sweep(subject, "No metadata names it.", usage, options, findings, () =>
            {
                Discard(id, lease);
                return true;
            });
        }

        int DepthOf(LayerId id)
        {
            int depth = 0;
            if (Driver is ILayerStructure known)
                Try("", new Findings(), () => depth = known.GetLayersBelow(id).Count);
            return depth;
        }
    }

    /// <summary>Names the layers again whose metadata is lost and whose files are whole, before what lies on them is checked: each after the one that it lies on.</summary>
    private void AdoptLost(Findings findings, CancellationToken cancellationToken)
    {
        var held = Driver.List();
        var named = ReadNamed(held.Count);
        LayerId[] lost = [.. held.Where(id => !named.Contains(id.ToString()))];
        for (int before = lost.Length + 1; lost.Length < before;)
        {
            before = lost.Length;
            lost = [.. lost.Where(id => !Adopted(id))];
        }

        bool Adopted(LayerId id)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var lease = Lease.TryTake(_layout, id); // null: somebody makes or removes it
            if (lease is null || IsNamed(id) || !Driver.Exists(id) || !TryAdopt(id, cancellationToken))
                return false;
            findings.Damage($"layer {id} of the {Driver.Name} driver", "No metadata named it; it is whole.", "It has a name again. strata gc removes it, unless something needs it.", repaired: true);
            return true;
        }
    }

    /// <summary>Names a layer again whose metadata is lost, if its files are whole.</summary>
    private bool TryAdopt(LayerId id, CancellationToken cancellationToken)
    {
        if (Fact.FindLayer(_layout.LayerFact(id)) is not { } fact || fact.DriverId != id || FindLayer(fact.ChainId) is not null || (fact.Parent is { } parent && FindLayer(parent) is null))
            return false;
        if (!Try("", new Findings(), () => WriteTar(fact, Stream.Null, cancellationToken)))
            return false;
        return _database.Write(s =>
        {
            if (s.Count("SELECT count(*) FROM layers WHERE chain=$1", fact.ChainId.ToString()) > 0
                || (fact.Parent is { } below && s.Count("SELECT count(*) FROM layers WHERE chain=$1", below.ToString()) == 0))
                return false;
            Rows.Insert(s, fact);
            return true;
        });
    }

    private void CheckDocuments(CheckOptions options, Findings findings)
    {
        foreach (string path in Directory.EnumerateFiles(_layout.Blobs).Concat(Directory.EnumerateFiles(_layout.ImageFacts)))
        {
            using var documents = LockDocuments();
            bool isFact = Path.GetDirectoryName(path) == _layout.ImageFacts;
            if (Digest.TryParse("sha256:" + Path.GetFileNameWithoutExtension(path), out var digest)
                && (isFact ? _database.Read(s => Find(s, digest)) is not null : _database.Read(s => s.UserOf(Roots.Documents, digest.ToString())) is not null))
                continue;
            if (File.Exists(path))
                SweepFile(path, isFact ? "A file of no image." : "A document that no image names.", null, options, findings);
        }
    }

    /// <param name="path">The file.</param>
    /// <param name="what">What it is.</param>
    /// <param name="id">The driver's layer that it is of, whose lease says whether somebody is about to need it; null: of none.</param>
    /// <param name="options">Whether it is removed.</param>
    /// <param name="findings">Where it is told.</param>
    private void SweepFile(string path, string what, string? id, CheckOptions options, Findings findings)
    {
        using var lease = LayerId.TryParse(id, out var layer) ? Lease.TryTake(_layout, layer) : null;
        if (!layer.IsDefault && (lease is null || IsNamed(layer) || !File.Exists(path)))
            return;
        Sweep(path, what, TreeUsage.Measure(path), options, findings, () =>
        {
            TreeRemover.Remove(path);
            return true;
        });
    }

    private static void Sweep(string subject, string what, Usage usage, CheckOptions options, Findings findings, Func<bool> sweep) => Try(subject, findings, () =>
    {
        bool swept = options.Repair && sweep();
        if (swept || !options.Repair)
            findings.Leftover(subject, what, usage, swept);
    });
}
