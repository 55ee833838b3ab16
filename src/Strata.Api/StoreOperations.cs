using Strata.Drivers;
using Strata.Oci;
using Strata.Store;

namespace Strata.Api;

/// <summary>The store in this process.</summary>
/// <param name="store">The store.</param>
/// <param name="version">Which program of which version this is.</param>
/// <param name="owned">True: the store is closed with this.</param>
/// <param name="whyNoNamespace">Why there is no user namespace for who is not root, or null.</param>
/// <param name="keepApplied">True: layers that are applied are put under a lease of their own; false: under the store's, if it has one.</param>
internal sealed partial class StoreOperations(Store.Store store, string version, bool owned = true, string? whyNoNamespace = null, bool keepApplied = true) : IStoreOperations
{
    /// <summary>The store.</summary>
    internal Store.Store Store => store;

    public StoreStatus GetStatus() => new(
        store.Root, store.Driver.Name, [.. store.Driver.GetStatus().Select(item => KeyValuePair.Create(item.Key, item.Value))], store.GetStatistics());

    public HostFacts GetFacts() => HostFacts.Gather(store.Root, store.Driver.Name, version, whyNoNamespace);

    public IReadOnlyList<ImageRecord> ListImages()
    {
        var shared = store.ListSharedImages();
        // One that is here only since it was used from a shared store is shown by what it is called there.
        var there = shared.Select(image => image.Manifest).ToHashSet();
        return [.. store.ListImages().Where(image => !(image.IsBorrowed && image.Names.Count == 0 && there.Contains(image.Manifest))), .. shared];
    }

    public IReadOnlyList<IndexRecord> ListIndexes() => store.ListIndexes();

    public IReadOnlyList<LayerRecord> ListLayers(int limit = int.MaxValue, string? after = null) => store.ListLayers(limit, after is null ? null : GetLayer(after));

    public IReadOnlyList<WritableStatus> ListWritable() => [.. store.ListWritable().Select(Of)];

    /// <summary>One writable layer.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    internal WritableStatus GetWritable(string name) => Of(store.GetWritable(name));

    public string Create(CreateRequest request, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var (parent, image) = Parent(request.From, request.Platform);
        return store.CreateWritable(
            request.Name, parent, image, request.StorageOptions, request.Init ? InitLayer.Standard : null, request.IdMapping, progress, cancellationToken).Name;
    }

    public string Mount(string name, string? target) => store.Mount(name, target);

    public void Unmount(string name) => store.Unmount(name);

    public IReadOnlyList<Change> Changes(string name, bool compareContents, CancellationToken cancellationToken) =>
        store.Changes(name, new DiffOptions { CompareContents = compareContents }, cancellationToken);

    public void Diff(string name, Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) =>
        store.Diff(name, destination, new DiffOptions { Progress = progress }, cancellationToken);

    public ImageRecord Commit(string writable, string name, ImageChanges changes, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) =>
        ImageCommitter.Commit(store, writable, name, changes, progress, cancellationToken);

    public LayerRecord Apply(Stream layer, string? onto, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var (parent, _) = Parent(onto, platform: null);
        var made = store.RegisterLayers([new LayerInput { Open = () => layer }], parent, progress, cancellationToken)[0];
        if (keepApplied)
            store.AddToLease(Strata.Store.Store.AppliedLease, made.ChainId); // made for its own sake: gc keeps it until it is removed
        return made;
    }

    public IReadOnlyList<ImageRecord> Load(string path, LoadOptions options, CancellationToken cancellationToken) => new ImageLoader(store, options).Load(path, cancellationToken);

    public IReadOnlyList<ImageRecord> Load(Stream stream, string shown, LoadOptions options, CancellationToken cancellationToken) =>
        new ImageLoader(store, options).Load(stream, shown, cancellationToken);

    public void Save(IReadOnlyList<string> images, string? platform, Stream destination, SaveOptions options, CancellationToken cancellationToken) =>
        ImageSaver.Save(store, FindAll(images, platform), destination, options, cancellationToken);

    /// <summary>The images that are to be saved, each once.</summary>
    /// <exception cref="StrataException">NotFound: one is not there.</exception>
    internal ImageRecord[] FindAll(IReadOnlyList<string> images, string? platform) => [.. images.Select(text => ImageNames.Get(store, text, platform)).DistinctBy(i => i.Manifest)];

    public void Tag(string image, string name)
    {
        var found = ImageNames.Get(store, image);
        // A name that means a multi-platform image means all of it under its other name, too.
        var index = ImageNames.FindByName(store, image) is { } named ? store.FindIndex(named.Name)?.Digest : null;
        store.AddName(ImageNames.Normalize(name), found.Manifest, index);
    }

    public Untagged? Untag(string name) =>
        ImageNames.FindByName(store, name, shared: false) is { } named && store.RemoveName(named.Name) ? new Untagged(named.Name, named.Image.Config) : null;

    public Removed Remove(string item, bool force)
    {
        if (store.FindWritable(item) is not null)
        {
            store.RemoveWritable(item);
            return new Removed(RemovedKind.Writable, item);
        }
        if (!force && ImageNames.FindByName(store, item, shared: false) is { Image.Names.Count: > 1 } named)
        {
            store.RemoveName(named.Name);
            return new Removed(RemovedKind.Name, named.Name);
        }
        if (ImageNames.FindOwn(store, item) is { } image)
        {
            var layers = store.RemoveImage(image.Manifest);
            return new Removed(RemovedKind.Image, image.Names.Count > 0 ? string.Join(", ", image.Names) : image.Config.Hex[..12], layers.Count);
        }
        if (ImageNames.FindLayer(store, item) is { } layer)
        {
            store.RemoveLayer(layer.ChainId);
            return new Removed(RemovedKind.Layer, layer.ChainId.ToString());
        }
        if (force && store.RemoveDamagedRow(item))
            return new Removed(RemovedKind.DamagedRow, item);
        throw ImageNames.FindByName(store, item) is { } elsewhere
            ? StrataException.FailedPrecondition(
                $"The image '{elsewhere.Name}' is in the shared store {elsewhere.Image.SharedFrom}, which is only read. Remove it there: strata --root {elsewhere.Image.SharedFrom} rm {item}")
            : NoItem(item);
    }

    public IReadOnlyList<HistoryStep> History(string image, string? platform) => ImageHistory.Read(store, ImageNames.Get(store, image, platform));

    public CollectReport Collect(bool dryRun, bool unnamedImages, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) =>
        store.Collect(new CollectOptions { DryRun = dryRun, UnnamedImages = unnamedImages, Progress = progress }, cancellationToken);

    public IReadOnlyList<ItemUsage> Measure(IReadOnlyList<string> items, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var only = items.Count == 0 ? null : items.Select(FindForMeasuring).ToHashSet(StringComparer.Ordinal);
        return store.MeasureItems(only, progress, cancellationToken);
    }

    public CheckReport Check(bool deep, bool repair, bool dockerIsGone, IReadOnlyList<string> from, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var files = new List<LayerFiles>();
        var origins = new OriginReader(store);
        try
        {
            files.AddRange(from.Select(path => new LayerFiles(path)));
            return store.Check(
                new CheckOptions
                {
                    Deep = deep,
                    Repair = repair,
                    DockerIsGone = dockerIsGone,
                    Finders =
                    [
                        .. files.Select(file => (LayerFinder)file.Find),
                        (layer, cancelled) => origins.Find(layer).Select(origin => new FoundBlob(origin.Place, () => origins.Open(origin, cancelled))),
                    ],
                    Progress = progress,
                },
                cancellationToken);
        }
        finally
        {
            foreach (var file in files)
                file.Dispose();
        }
    }

    public void Dispose()
    {
        if (owned)
            store.Dispose();
    }

    /// <summary>An image by its name or ID, else a layer by its ID; nothing: no parent.</summary>
    private (ChainId? Parent, Digest? Image) Parent(string? item, string? platform)
    {
        if (item is null)
            return (null, null);
        if (ImageNames.Find(store, item, platform) is { } image)
            return (image.TopLayer, image.Manifest);
        if (ImageNames.FindLayer(store, item) is { } layer)
            return (layer.ChainId, null);
        throw StrataException.NotFound($"There is neither an image nor a layer '{item}' in the store. 'strata images' and 'strata layers' list them.");
    }

    private LayerRecord GetLayer(string item) => ImageNames.FindLayer(store, item) ?? throw StrataException.NotFound($"There is no layer '{item}' in the store.");

    private string FindForMeasuring(string item) =>
        store.FindWritable(item)?.Name ?? ImageNames.Find(store, item)?.Manifest.ToString() ?? ImageNames.FindLayer(store, item)?.ChainId.ToString() ?? throw NoItem(item);

    private static StrataException NoItem(string item) => StrataException.NotFound($"There is no writable layer, image or layer '{item}' in the store.");

    private WritableStatus Of(WritableRecord record) => new(
        record.Name, record.Parent, record.Image, record.DriverId,
        Told(() => store.FindMountPoint(record), ": its files are missing or damaged"), Told(() => store.FindIdMapping(record)?.ToString(), ""), record.Created);

    /// <summary>One damaged layer must not hide the others.</summary>
    private static string? Told(Func<string?> find, string why)
    {
        try
        {
            return find();
        }
        catch (StrataException e)
        {
            return $"({e.Kind}{why})";
        }
    }
}
