using Strata.Trees;

namespace Strata.Store;

/// <content>What takes how much.</content>
public sealed partial class Store
{
    /// <summary>Measures images, layers and writable layers: walks every layer of the store, or those that some things need.</summary>
    /// <param name="only">The items: manifests of images, chain IDs of layers, names of writable layers; null: all.</param>
    /// <param name="progress">Told of layers, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>Images, then writable layers, then layers, in the order in which they came. A layer's is made each time it is asked for.</returns>
    public IReadOnlyList<ItemUsage> MeasureItems(IReadOnlyCollection<string>? only = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var layers = MeasuredLayers.Read(_database);
        var images = ListImages();
        var writable = ListWritable();
        bool Wanted(string key) => only is null || only.Contains(key);
        bool WantedLayer(int layer) => only is null || only.Contains(layers.Numbers[layer].ToString());
        var applied = ListLeases().Where(lease => lease.Name == AppliedLease).SelectMany(lease => lease.Layers).ToHashSet();
        var tops = images.Where(i => Wanted(i.Manifest.ToString())).Select(i => i.TopLayer).Concat(writable.Where(w => Wanted(w.Name)).Select(w => w.Parent)).Select(layers.Numbers.Find)
            .Concat(Enumerable.Range(0, layers.Count).Where(WantedLayer));
        MeasureLayers(layers, tops, progress, cancellationToken);

        var documentUsers = images.SelectMany(i => new[] { i.Manifest, i.Config }).CountBy(digest => digest).ToDictionary();
        var items = new List<ItemUsage>();
        foreach (var image in images.Where(i => Wanted(i.Manifest.ToString())))
        {
            var documents = new[] { image.Manifest, image.Config }.Where(d => documentUsers[d] == 1)
                .Aggregate(default(Usage), (sum, document) => Add(sum, TreeUsage.Measure(BlobPath(document), cancellationToken)));
            var (exclusive, shared) = layers.Split(layers.Numbers.Find(image.TopLayer));
            items.Add(new ItemUsage(
                ItemKind.Image, image.Names.Count > 0 ? image.Names[0] : image.Config.ToString(), documents, Add(documents, exclusive), shared, Add(documents, exclusive)) { Digest = image.Manifest });
        }
        foreach (var layer in writable.Where(w => Wanted(w.Name)))
        {
            var itself = MeasureWhole(layer.DriverId, cancellationToken);
            if (layer.InitId is { } init)
                itself = Add(itself, MeasureWhole(init, cancellationToken));
            var (exclusive, shared) = layers.Split(layers.Numbers.Find(layer.Parent));
            items.Add(new ItemUsage(ItemKind.Writable, layer.Name, itself, Add(itself, exclusive), shared, itself));
        }
        int[] shown = [.. Enumerable.Range(0, layers.Count).Where(WantedLayer)];
        return new Measured(items, shown.Length, at => ItemOf(layers, shown[at], applied));
    }

    private static ItemUsage ItemOf(MeasuredLayers layers, int layer, HashSet<ChainId> applied)
    {
        var chain = layers.Numbers[layer];
        bool used = layers.Users[layer] > (applied.Contains(chain) ? 1 : 0); // removing it takes it from that lease
        var (exclusive, shared) = layers.Split(layers.Parents[layer]);
        var itself = layers.Own[layer];
        return new ItemUsage(ItemKind.Layer, chain.ToString(), itself, Add(itself, exclusive), shared, used ? default : itself)
        {
            Digest = chain.Digest, SharedFrom = layers.SharedFrom.GetValueOrDefault(layer),
        };
    }

    /// <summary>Items of which those of layers, which may be 100,000, are made when they are asked for.</summary>
    private sealed class Measured(List<ItemUsage> first, int layers, Func<int, ItemUsage> layer) : IReadOnlyList<ItemUsage>
    {
        public int Count => first.Count + layers;

        public ItemUsage this[int index] => index < first.Count ? first[index] : layer(index - first.Count);

        public IEnumerator<ItemUsage> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    private void MeasureLayers(MeasuredLayers layers, IEnumerable<int> tops, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var wanted = new bool[layers.Count];
        foreach (int top in tops)
        {
            for (int i = top; i >= 0 && !wanted[i]; i = layers.Parents[i])
                wanted[i] = true;
        }
        int total = wanted.Count(layer => layer), done = 0;
        Parallel.For(0, layers.Count, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(2, Environment.ProcessorCount), CancellationToken = cancellationToken }, i =>
        {
            if (!wanted[i])
                return;
            layers.Own[i] = MeasureWhole(layers.DriverIds[i], cancellationToken); // one that was removed meanwhile takes nothing
            progress?.Report(new ProgressReport("measure layers", Interlocked.Increment(ref done), total));
        });
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

    private static Usage Add(Usage a, Usage b) => MeasuredLayers.Add(a, b);
}
