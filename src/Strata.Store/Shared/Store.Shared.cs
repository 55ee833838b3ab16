using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>
/// Shared stores: their layers are used where they lie. What is used has a row here like any other layer, and a link in the driver's home, so that
/// everything else in this room knows nothing of other stores.
/// </content>
public sealed partial class Store
{
    internal const int MaxDocumentBytes = 4 << 20;

    /// <summary>The stores whose images and layers are used too, in the order in which they are asked.</summary>
    public IReadOnlyList<SharedStore> SharedStores { get; }

    /// <summary>The images of the shared stores; one that several have is told of the first. Those that have been used are in <see cref="ListImages"/>, too.</summary>
    public IReadOnlyList<ImageRecord> ListSharedImages()
    {
        var seen = new HashSet<Digest>();
        return [.. SharedStores.SelectMany(shared => shared.Ask(ReadImages, []).Select(image => image with { SharedFrom = shared.Root })).Where(image => seen.Add(image.Manifest))];
    }

    /// <summary>The image of a name in the first shared store that has it, or null. <see cref="BorrowImage"/> makes it usable.</summary>
    public ImageRecord? FindSharedImage(string name) => AskShared(s => Named(s, name));

    /// <summary>The images whose manifest's digest or ID begins with some digits, of the first shared store that has such.</summary>
    /// <param name="hexPrefix">Lower-case hexadecimal digits.</param>
    /// <param name="limit">How many at most.</param>
    public IReadOnlyList<ImageRecord> FindSharedImagesByPrefix(string hexPrefix, int limit) => SharedStores
        .Select(shared => shared.Ask<IReadOnlyList<ImageRecord>>(s => [.. ByPrefix(s, hexPrefix, limit).Select(image => image with { SharedFrom = shared.Root })], []))
        .FirstOrDefault(found => found.Count > 0) ?? [];

    /// <summary>The images of a shared store that an index lists which lists an image, too: the same for other platforms. The image itself is among them.</summary>
    public IReadOnlyList<ImageRecord> FindSharedSiblings(ImageRecord image) => SharedStores.FirstOrDefault(shared => shared.Root == image.SharedFrom)?.Ask<IReadOnlyList<ImageRecord>>(
        s => [.. image.Indexes.SelectMany(idx => ReadIndex(s, idx.ToString())?.Manifests ?? []).Append(image.Manifest).Distinct()
            .Select(manifest => Find(s, manifest)).OfType<ImageRecord>().Select(found => found with { SharedFrom = image.SharedFrom })], []) ?? [];

    /// <summary>The chain IDs of layers in shared stores that begin with some digits; if there is none, those whose diff ID does. <see cref="BorrowLayer"/> makes one usable.</summary>
    /// <param name="hexPrefix">Lower-case hexadecimal digits.</param>
    /// <param name="limit">How many at most.</param>
    public IReadOnlyList<ChainId> FindSharedLayersByPrefix(string hexPrefix, int limit) => SharedStores
        .Select(shared => shared.Ask<IReadOnlyList<ChainId>>(s => [.. LayersByPrefix(s, hexPrefix, limit).Select(layer => layer.ChainId)], []))
        .FirstOrDefault(found => found.Count > 0) ?? [];

    /// <summary>Makes an image of a shared store an image of this one, without a name, whose layers lie there. Collection takes it when nothing uses it.</summary>
    /// <param name="image">As <see cref="FindSharedImage"/> gave it.</param>
    /// <returns>The image in this store.</returns>
    /// <exception cref="StrataException">NotFound, Corrupt: it is not whole there.</exception>
    public ImageRecord BorrowImage(ImageRecord image) => Guard($"Can't use the image {image.Manifest} of the shared store {image.SharedFrom}", () =>
    {
        _holds.Add([image.Manifest]);
        if (FindImage(image.Manifest) is { } mine)
            return mine;
        var shared = SharedStores.FirstOrDefault(store => store.Root == image.SharedFrom)
            ?? throw StrataException.InvalidArgument($"'{image.SharedFrom}' is no shared store of {Root}.");
        byte[] manifest = shared.ReadDocument(image.Manifest), config = shared.ReadDocument(image.Config);
        if (image.TopLayer is { } top)
            _ = BorrowLayer(top);
        return Add([new ImageInput { Manifest = manifest, Config = config, TopLayer = image.TopLayer, Platform = image.Platform, IsBorrowed = true }], null)[0];
    });

    /// <summary>The layer of a chain ID: of this store, or used from the first shared one that has it, with all below it.</summary>
    /// <exception cref="StrataException">NotFound: none has it.</exception>
    public LayerRecord BorrowLayer(ChainId chain) =>
        FindOrBorrow(chain) ?? throw StrataException.NotFound($"There is no layer {chain} in the store{(SharedStores.Count > 0 ? ", nor in a shared one" : "")}.");

    /// <summary>The layer of a chain ID, here or used from a shared store; null: none has it. A shared store that has it damaged is left out from then on.</summary>
    internal LayerRecord? FindOrBorrow(ChainId chain)
    {
        if (FindLayer(chain) is { } mine)
            return mine;
        foreach (var shared in SharedStores)
        {
            if (shared.Ask(s => s.Count("SELECT count(*) FROM layers WHERE chain=$1", chain.ToString()) > 0 ? Chain(s, chain) : [], []) is not { Count: > 0 } theirs)
                continue;
            try
            {
                return Guard($"Can't use layer {chain} of the shared store {shared.Root}", () => Borrow(shared, theirs));
            }
            catch (StrataException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.Corrupt or ErrorKind.NotSupported or ErrorKind.PermissionDenied)
            {
                shared.LeaveOut(e.Message); // whoever loads the layer unpacks it, then
            }
        }
        return null;
    }

    private LayerRecord? Borrow(SharedStore shared, List<LayerRecord> topFirst)
    {
        _holds.Add([.. topFirst.Select(layer => layer.ChainId.Digest)]);
        while (true)
        {
            var missing = topFirst.TakeWhile(layer => FindLayer(layer.ChainId) is null).Reverse().ToList();
            if (missing.Count == 0)
                return FindLayer(topFirst[0].ChainId);
            // Whoever unpacks or borrows the first missing layer holds its lock.
            string path = Path.Combine(_layout.Locks, missing[0].ChainId.Digest.Hex);
            var only = ProcessLock.AcquireNamed(path);
            try
            {
                if (FindLayer(missing[0].ChainId) is null && Link(shared, missing))
                    return FindLayer(topFirst[0].ChainId);
            }
            finally
            {
                only.Delete(path);
            }
        }
    }

    /// <summary>Links layers, each on the one before it, and names them all at once. False: somebody named one of them meanwhile, or removed what they lie on.</summary>
    private bool Link(SharedStore shared, List<LayerRecord> baseFirst)
    {
        var made = new List<(LayerRecord Layer, Lease Lease)>();
        bool kept = false;
        try
        {
            var below = baseFirst[0].Parent is { } parent ? FindLayer(parent) : null;
            if (baseFirst[0].Parent is not null && below is null)
                return false;
            foreach (var layer in baseFirst)
            {
                var id = LayerId.New();
                var lease = Lease.Take(_layout, id);
                made.Add((layer with { DriverId = id, Created = Rows.Now() }, lease));
                bool linked = LinkOne(shared, layer, id, below?.DriverId);
                below = made[^1].Layer with { SharedFrom = linked ? shared.Root : null };
                made[^1] = (below, lease);
                SmallFile.Create(_layout.LayerFact(id), Fact.Of(below));
            }
            Driver.Sync();
            DurableFile.SyncFileSystem(_layout.Recipes);
            var origins = baseFirst.ToDictionary(layer => layer.DiffId, layer => shared.Ask(s => Origins(s, layer.DiffId), []));
            kept = _database.Write(s =>
            {
                if (made.Any(m => s.Count("SELECT count(*) FROM layers WHERE chain=$1", m.Layer.ChainId.ToString()) > 0)
                    || (baseFirst[0].Parent is { } still && s.Count("SELECT count(*) FROM layers WHERE chain=$1", still.ToString()) == 0))
                    return false;
                foreach (var (layer, _) in made)
                {
                    Rows.Insert(s, layer);
                    foreach (var origin in origins[layer.DiffId])
                        InsertOrigin(s, layer.DiffId, origin);
                }
                return true;
            });
            return kept;
        }
        finally
        {
            for (int i = made.Count - 1; i >= 0; i--)
            {
                using var lease = made[i].Lease;
                if (!kept)
                    DiscardQuietly(made[i].Layer.DriverId, lease);
            }
        }
    }

    /// <summary>Links one layer with its recipe.</summary>
    /// <returns>False: what is here now does not need the other store any more.</returns>
    private bool LinkOne(SharedStore shared, LayerRecord theirs, LayerId id, LayerId? below)
    {
        var sharing = (ISharedLayers)Driver;
        sharing.Link(id, below, shared.Home, theirs.DriverId);
        bool linked = sharing.FindLink(id) is not null;
        if (Driver.Capabilities.ReproducesExactDiffs)
            return linked;
        if (!File.Exists(shared.Recipe(theirs.DriverId)))
            throw StrataException.Corrupt($"The recipe of layer {theirs.ChainId} is missing from the shared store {shared.Root}.");
        if (linked)
            File.CreateSymbolicLink(_layout.Recipe(id), shared.Recipe(theirs.DriverId));
        else
            File.Copy(shared.Recipe(theirs.DriverId), _layout.Recipe(id));
        return linked;
    }

    /// <summary>Removes copies of the metadata of stores that are no shared ones any more. Who still needs one makes it again.</summary>
    private void CollectSharedCache(bool dryRun, List<(string, Usage)> swept)
    {
        if (!Directory.Exists(_layout.SharedCache))
            return;
        string[] keys = [.. SharedStores.Select(shared => SharedMetadata.CacheKeyOf(shared.Root))];
        foreach (string path in Directory.GetFiles(_layout.SharedCache).Where(path => !keys.Any(key => Path.GetFileName(path).StartsWith(key, StringComparison.Ordinal))))
        {
            swept.Add((path, TreeUsage.Measure(path)));
            if (!dryRun)
                File.Delete(path);
        }
    }

    private ImageRecord? AskShared(Func<Session, ImageRecord?> find) =>
        SharedStores.Select(shared => shared.Ask(find, null) is { } found ? found with { SharedFrom = shared.Root } : null).FirstOrDefault(found => found is not null);

    private static SharedStore[] OpenShared(StoreOptions options, StoreLayout layout, IDriver driver) =>
        [.. options.SharedStores.Select(Path.GetFullPath).Select(Path.TrimEndingDirectorySeparator).Distinct().Select(root => new SharedStore(root, layout, driver, options.SharedStoreLeftOut))];
}
