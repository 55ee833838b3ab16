using System.Globalization;
using Strata.Drivers;
using Strata.Formats.Compression;
using Strata.Formats.Tar;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>Fills empty metadata with what lies on disk.</summary>
internal sealed partial class Rebuilder(IDriver driver, StoreLayout layout, Database database, IProgress<ProgressReport>? progress)
{
    private readonly Dictionary<LayerId, LayerRecord> _layers = [];
    private readonly Dictionary<ChainId, LayerRecord> _chains = [];
    private readonly List<LayerRecord> _placed = []; // each after the one that it lies on
    private readonly Dictionary<ChainId, List<LayerRecord>> _waiting = []; // by the layer that is still missing below them
    private readonly HashSet<LayerId> _named = [];
    private readonly List<(string, string)> _unplaced = [];
    private int _images;
    private int _writable;

    internal RebuildReport Run(CancellationToken cancellationToken)
    {
        // What has a lease was being made or removed: the next opening sweeps it, or it is a writable layer that has its name beside it.
        var leased = Directory.EnumerateFiles(layout.Leases).Select(Path.GetFileName).ToHashSet(StringComparer.Ordinal);
        var held = driver.List().Where(id => !leased.Contains(id.ToString())).ToList();
        FindGraph();
        FindLayers(held, cancellationToken);
        database.Write(s =>
        {
            s.Run("INSERT INTO meta VALUES ('driver', $1)", driver.Name);
            foreach (var layer in _placed)
                Rows.Insert(s, layer);
            AddImages(s);
            AddWritable(s, held);
            AddGraph(s, [.. held]);
            AddNameless(s, held);
            s.Run("INSERT OR IGNORE INTO leases SELECT $1, $2, NULL FROM layers LIMIT 1", Store.AppliedLease, Rows.Now().ToUnixTimeMilliseconds());
            s.Run($"""
                INSERT INTO lease_items SELECT $1, 'layer', chain FROM layers
                WHERE chain NOT IN (SELECT parent FROM layers WHERE parent IS NOT NULL) AND chain NOT IN ({Roots.Union(Roots.Layers)})
                """, Store.AppliedLease);
            return 0;
        });
        foreach (var id in held.Where(id => !_named.Contains(id)))
            _unplaced.Add(($"layer {id} of the {driver.Name} driver", WhyNot(id)));
        return new RebuildReport { Layers = _chains.Count, Images = _images, Writable = _writable, GraphLayers = _ownersLayers, Unplaced = _unplaced, KeptAside = null };
    }

    private void FindLayers(List<LayerId> held, CancellationToken cancellationToken)
    {
        var without = new List<LayerId>();
        foreach (var id in held)
        {
            if (Fact.FindLayer(layout.LayerFact(id)) is { } fact && fact.DriverId == id)
                Place(fact);
            else if (!IsOwners(id) && IsApplied(id))
                without.Add(id);
        }
        // One whose parent has no file of its own comes when that was identified.
        int done = 0;
        foreach (var id in without.OrderBy(id => Below(id)?.Count ?? 0))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Identify(id, cancellationToken);
            progress?.Report(new ProgressReport("identify layers", ++done, without.Count));
        }
    }

    /// <summary>Adds a layer, if what it lies on is there, and those that waited for it; else it waits.</summary>
    private void Place(LayerRecord layer)
    {
        var next = new Stack<LayerRecord>([layer]);
        while (next.TryPop(out var placed))
        {
            if (placed.Parent is { } parent && !_chains.ContainsKey(parent))
            {
                if (!_waiting.TryGetValue(parent, out var others))
                    _waiting.Add(parent, others = []);
                others.Add(placed);
            }
            else if (Add(placed) && _waiting.Remove(placed.ChainId, out var above))
            {
                above.ForEach(next.Push);
            }
        }
    }

    private bool Add(LayerRecord layer)
    {
        if (!_chains.TryAdd(layer.ChainId, layer))
            return false;
        _placed.Add(layer);
        _layers.Add(layer.DriverId, layer);
        _named.Add(layer.DriverId);
        return true;
    }

    /// <summary>Finds out by its content which layer one is.</summary>
    private void Identify(LayerId id, CancellationToken cancellationToken)
    {
        var below = Below(id);
        if (below is null || (below.Count > 0 && !_layers.ContainsKey(below[0])))
            return; // told at the end
        try
        {
            var parent = below.Count > 0 ? _layers[below[0]] : null;
            using var hashing = new HashingStream(Stream.Null, leaveOpen: true);
            if (driver.Capabilities.ReproducesExactDiffs)
            {
                driver.Diff(id, parent?.DriverId, hashing, null, cancellationToken);
            }
            else
            {
                using var recipe = new FileStream(layout.Recipe(id), FileMode.Open, FileAccess.Read, FileShare.Read, 64 * 1024);
                using var contents = driver.OpenContents(id);
                TarRecipe.Open(recipe).WriteTar(contents, hashing, cancellationToken);
            }
            var diff = new DiffId(hashing.Digest);
            var record = new LayerRecord(
                ChainId.Of(parent?.ChainId, diff), diff, parent?.ChainId, id, hashing.CountBytes, driver.GetUsage(id, cancellationToken).SizeBytes, diff.Digest, hashing.CountBytes, Rows.Now());
            bool isNew = !_chains.ContainsKey(record.ChainId);
            Place(record);
            if (isNew)
                File.WriteAllBytes(layout.LayerFact(id), Fact.Of(record));
        }
        catch (Exception e) when (e is StrataException || Trees.FileErrors.Is(e))
        {
            _unplaced.Add(($"layer {id} of the {driver.Name} driver", $"It can't be read: {e.Message}"));
        }
    }

    private void AddImages(Session s)
    {
        var indexes = new HashSet<string>();
        foreach (string path in Directory.EnumerateFiles(layout.ImageFacts))
        {
            string? why = ImageFact.Find(path) is not { } fact ? "The file is damaged."
                : fact.Image.TopLayer is { } top && !_chains.ContainsKey(top) ? $"Its layer {top} is missing."
                : new[] { fact.Image.Manifest, fact.Image.Config }.FirstOrDefault(d => !File.Exists(Path.Combine(layout.Blobs, d.Hex))) is { IsDefault: false } missing ? $"Its document {missing} is missing."
                : null;
            if (why is not null)
            {
                _unplaced.Add(($"image {Path.GetFileNameWithoutExtension(path)}", why));
                continue;
            }
            Add(s, ImageFact.Find(path)!, indexes);
            _images++;
        }
    }

    private static void Add(Session s, ImageFact fact, HashSet<string> indexes)
    {
        var image = fact.Image;
        s.Run("INSERT INTO images (manifest, config, top, size_bytes, created, platform, borrowed) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            image.Manifest.ToString(), image.Config.ToString(), image.TopLayer?.ToString(), image.SizeBytes, image.Created.ToUnixTimeMilliseconds(), image.Platform, image.IsBorrowed ? 1 : 0);
        foreach (var index in fact.Indexes.Where(index => indexes.Add(index.Digest.ToString())))
        {
            string idx = index.Digest.ToString();
            s.Run("INSERT INTO indexes (digest, created) VALUES ($1, $2)", idx, index.Created.ToUnixTimeMilliseconds());
            foreach (var document in index.Documents)
                s.Run("INSERT OR IGNORE INTO index_documents (idx, document) VALUES ($1, $2)", idx, document.ToString());
            foreach (var manifest in index.Manifests)
                s.Run("INSERT OR IGNORE INTO index_images (idx, manifest) VALUES ($1, $2)", idx, manifest.ToString());
        }
        foreach (var (name, index) in fact.Names)
        {
            s.Run("INSERT INTO names (name, manifest, idx) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
                name, image.Manifest.ToString(), index is not null && indexes.Contains(index) ? index : null);
        }
    }

    private void AddWritable(Session s, List<LayerId> held)
    {
        var there = held.ToHashSet();
        var parents = _placed.ToLookup(l => Fact.BeginOf(l.ChainId.Digest.Hex));
        var inits = held.ToLookup(id => Fact.BeginOf(id.ToString()));
        foreach (string path in Directory.EnumerateFiles(layout.WritableFacts))
        {
            string file = Path.GetFileName(path);
            if (Fact.ReadName(file) is not { } fact)
            {
                _unplaced.Add(($"writable layer {file}", "The file's name is damaged."));
                continue;
            }
            if (!there.Contains(fact.DriverId) || _named.Contains(fact.DriverId))
                continue; // a removal that was not finished
            var parent = fact.Parent is null ? null : parents[fact.Parent].FirstOrDefault();
            if (fact.Parent is not null && parent is null)
            {
                _unplaced.Add(($"writable layer {fact.Name}", $"The layer {fact.Parent}… that it lies on is missing."));
                _named.Add(fact.DriverId);
                continue;
            }
            var init = fact.Init is null ? (LayerId?)null : inits[fact.Init].FirstOrDefault();
            if (init is { IsDefault: true })
                init = null;
            string? image = fact.Image is null ? null
                : s.List("SELECT manifest FROM images WHERE manifest >= $1 AND manifest < $1 || 'g' LIMIT 1", r => r.GetString(0), "sha256:" + fact.Image).FirstOrDefault();
            string name = fact.Name;
            for (int i = 2; s.Count("SELECT count(*) FROM writable WHERE name=$1", name) > 0; i++)
                name = string.Create(CultureInfo.InvariantCulture, $"{fact.Name}-{i}");
            Rows.Insert(s, new WritableRecord(
                name, fact.DriverId, parent?.ChainId, image is null ? null : Digest.Parse(image), null,
                DateTimeOffset.FromUnixTimeMilliseconds(new DateTimeOffset(File.GetLastWriteTimeUtc(path)).ToUnixTimeMilliseconds()), init));
            _named.Add(fact.DriverId);
            if (init is { } between)
                _named.Add(between);
            _writable++;
        }
    }

    /// <summary>What was written to and has lost its name, or had one of somebody else's (a snapshot), gets another one: nothing that may be wanted is an orphan then.</summary>
    private void AddNameless(Session s, List<LayerId> held)
    {
        var lowers = held.SelectMany(id => Below(id) ?? []).ToHashSet();
        foreach (var id in held.Where(id => !_named.Contains(id) && !lowers.Contains(id) && !IsApplied(id) && !File.Exists(layout.LayerFact(id))))
        {
            LayerRecord? parent = null;
            if (Below(id) is { Count: > 0 } below && !_layers.TryGetValue(below[0], out parent))
                continue; // on something that has no name either: told at the end
            Rows.Insert(s, new WritableRecord($"found-{id.ToString()[..Math.Min(12, id.ToString().Length)]}", id, parent?.ChainId, null, null, Rows.Now()));
            _named.Add(id);
            _writable++;
        }
    }

    /// <summary>True for a layer that was applied, not written to.</summary>
    private bool IsApplied(LayerId id)
    {
        if (!driver.Capabilities.ReproducesExactDiffs)
            return File.Exists(layout.Recipe(id));
        try
        {
            return driver.GetMetadata(id).ContainsKey("Tar");
        }
        catch (StrataException)
        {
            return false; // damaged: told at the end
        }
    }

    private IReadOnlyList<LayerId>? Below(LayerId id)
    {
        try
        {
            return driver is ILayerStructure structure && driver.Capabilities.AppliesWithoutParent ? structure.GetLayersBelow(id) : null;
        }
        catch (StrataException)
        {
            return null; // damaged: told at the end
        }
    }

    private string WhyNot(LayerId id)
    {
        if (Fact.FindLayer(layout.LayerFact(id)) is not { } fact)
            return "Nothing says what it is. It may be a writable layer or a snapshot whose name is lost: strata check --repair removes it.";
        return _chains.ContainsKey(fact.ChainId) ? $"It is the same as layer {fact.ChainId}, which another one is."
            : $"It is layer {fact.ChainId}; the layer {fact.Parent} below it is missing.";
    }
}
