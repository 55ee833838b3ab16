using Strata.Trees;

namespace Strata.Store;

/// <content>What takes how much.</content>
public sealed partial class Store
{
    /// <summary>Measures images, layers and writable layers: walks every layer of the store, or those that some things need.</summary>
    /// <param name="only">The items: manifests of images, chain IDs of layers, names of writable layers; null: all.</param>
    /// <param name="progress">Told of layers, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>Images, then writable layers, then layers, in the order in which they came.</returns>
    public IReadOnlyList<ItemUsage> MeasureItems(IReadOnlyCollection<string>? only = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var layers = ListLayers().ToDictionary(layer => layer.ChainId);
        var images = ListImages();
        var writable = ListWritable();
        bool Wanted(string key) => only is null || only.Contains(key);
        var users = CountUsers(layers);
        var applied = ListLeases().Where(lease => lease.Name == AppliedLease).SelectMany(lease => lease.Layers).ToHashSet();
        var tops = images.Where(i => Wanted(i.Manifest.ToString())).Select(i => i.TopLayer)
            .Concat(writable.Where(w => Wanted(w.Name)).Select(w => w.Parent))
            .Concat(layers.Keys.Where(chain => Wanted(chain.ToString())).Select(chain => (ChainId?)chain));
        var own = MeasureLayers([.. tops.SelectMany(top => Below(layers, top)).Distinct().Select(chain => layers[chain])], progress, cancellationToken);

        var documentUsers = images.SelectMany(i => new[] { i.Manifest, i.Config }).CountBy(digest => digest).ToDictionary();
        var items = new List<ItemUsage>();
        foreach (var image in images.Where(i => Wanted(i.Manifest.ToString())))
        {
            var documents = new[] { image.Manifest, image.Config }.Where(d => documentUsers[d] == 1)
                .Aggregate(default(Usage), (sum, document) => Add(sum, TreeUsage.Measure(BlobPath(document), cancellationToken)));
            var (exclusive, shared) = Split(layers, own, users, image.TopLayer);
            items.Add(new ItemUsage(
                ItemKind.Image, image.Names.Count > 0 ? image.Names[0] : image.Config.ToString(), documents, Add(documents, exclusive), shared, Add(documents, exclusive)) { Digest = image.Manifest });
        }
        foreach (var layer in writable.Where(w => Wanted(w.Name)))
        {
            var itself = MeasureWhole(layer.DriverId, cancellationToken);
            if (layer.InitId is { } init)
                itself = Add(itself, MeasureWhole(init, cancellationToken));
            var (exclusive, shared) = Split(layers, own, users, layer.Parent);
            items.Add(new ItemUsage(ItemKind.Writable, layer.Name, itself, Add(itself, exclusive), shared, itself));
        }
        foreach (var layer in layers.Values.Where(l => Wanted(l.ChainId.ToString())).OrderBy(l => l.Created))
        {
            bool used = users[layer.ChainId] > (applied.Contains(layer.ChainId) ? 1 : 0); // removing it takes it from that lease
            var (exclusive, shared) = Split(layers, own, users, layer.Parent);
            var itself = own[layer.ChainId];
            items.Add(new ItemUsage(ItemKind.Layer, layer.ChainId.ToString(), itself, Add(itself, exclusive), shared, used ? default : itself)
            {
                Digest = layer.ChainId.Digest, SharedFrom = layer.SharedFrom,
            });
        }
        return items;
    }

    /// <summary>How much is on each layer: layers, and all that keeps layers (<see cref="Roots"/>).</summary>
    private Dictionary<ChainId, int> CountUsers(Dictionary<ChainId, LayerRecord> layers)
    {
        var users = layers.Keys.ToDictionary(chain => chain, _ => 0);
        var kept = _database.Read(s => s.List(string.Join(" UNION ALL ", Roots.Layers.Select(root => root.All)), r => r.GetString(0)))
            .Select(text => Digest.TryParse(text, out var digest) ? new ChainId(digest) : (ChainId?)null);
        foreach (var on in layers.Values.Select(l => l.Parent).Concat(kept))
        {
            if (on is { } chain && users.TryGetValue(chain, out int count))
                users[chain] = count + 1;
        }
        return users;
    }

    /// <summary>The layers below a user: those that only it needs, and those that others need too.</summary>
    private static (Usage Exclusive, Usage Shared) Split(Dictionary<ChainId, LayerRecord> layers, Dictionary<ChainId, Usage> own, Dictionary<ChainId, int> users, ChainId? top)
    {
        Usage exclusive = default, shared = default;
        bool alone = true;
        foreach (var chain in Below(layers, top))
        {
            alone &= users[chain] == 1;
            if (alone)
                exclusive = Add(exclusive, own[chain]);
            else
                shared = Add(shared, own[chain]);
        }
        return (exclusive, shared);
    }

    private static IEnumerable<ChainId> Below(Dictionary<ChainId, LayerRecord> layers, ChainId? top)
    {
        for (var next = top; next is { } chain && layers.TryGetValue(chain, out var layer); next = layer.Parent)
            yield return chain;
    }

    private Dictionary<ChainId, Usage> MeasureLayers(LayerRecord[] layers, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var own = new Usage[layers.Length];
        int done = 0;
        Parallel.For(0, layers.Length, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(2, Environment.ProcessorCount), CancellationToken = cancellationToken }, i =>
        {
            own[i] = MeasureWhole(layers[i].DriverId, cancellationToken); // one that was removed meanwhile takes nothing
            progress?.Report(new ProgressReport("measure layers", Interlocked.Increment(ref done), layers.Length));
        });
        var measured = new Dictionary<ChainId, Usage>(layers.Length);
        for (int i = 0; i < layers.Length; i++)
            measured.Add(layers[i].ChainId, own[i]);
        return measured;
    }

    /// <summary>A driver's layer with all that the store and the driver keep beside it; of a damaged one what can be measured.</summary>
    private Usage MeasureWhole(LayerId id, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var beside = Add(TreeUsage.Measure(_layout.Recipe(id), cancellationToken), TreeUsage.Measure(_layout.LayerFact(id), cancellationToken));
        try
        {
            return Add(beside, Driver.GetUsage(id, cancellationToken));
        }
        catch (StrataException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.Corrupt)
        {
            return beside;
        }
    }

    private static Usage Add(Usage a, Usage b) => new(a.SizeBytes + b.SizeBytes, a.Inodes + b.Inodes);
}
