using Strata.Formats.Compression;
using Strata.Formats.Tar;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Layers: how they come, are found, given back, and go.</content>
public sealed partial class Store
{
    /// <summary>All layers, in the order in which they came.</summary>
    public IReadOnlyList<LayerRecord> ListLayers() =>
        _database.Read(s => s.ListWhole($"SELECT {Rows.LayerColumns} FROM layers ORDER BY created, chain", Rows.Layer));

    /// <summary>The layer of a chain ID, or null.</summary>
    public LayerRecord? FindLayer(ChainId chain) =>
        _database.Read(s => s.ListWhole($"SELECT {Rows.LayerColumns} FROM layers WHERE chain=$1", Rows.Layer, chain.ToString()).FirstOrDefault());

    /// <summary>The layers of a chain, the topmost first; the last is the base.</summary>
    /// <exception cref="StrataException">NotFound: one is missing.</exception>
    public IReadOnlyList<LayerRecord> GetChain(ChainId top) => _database.Read(s => Chain(s, top));

    /// <summary>Registers the layers of an image, each on top of the one before it; those that are there already are not read.</summary>
    /// <remarks>
    /// Layers unpack at the same time where the driver can do that and the machine has the cores. All of them become visible at once, durable,
    /// after the last; after a failure or a crash none of the new ones is there.
    /// </remarks>
    /// <param name="baseFirst">The layers, the base first.</param>
    /// <param name="parent">What they lie on, or null.</param>
    /// <param name="progress">Told of the bytes of blobs that were read, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <exception cref="StrataException">
    /// Corrupt: a digest does not match, or the data is broken. InvalidArgument: a layer holds what none may. Exhausted: a limit, or the disk.
    /// Unavailable: a layer that was there was removed meanwhile.
    /// </exception>
    public IReadOnlyList<LayerRecord> RegisterLayers(
        IReadOnlyList<LayerInput> baseFirst, ChainId? parent = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Guard($"Can't add layers to the store {Root}", () => Register(baseFirst, parent, progress, cancellationToken));

    private List<LayerRecord> Register(
        IReadOnlyList<LayerInput> baseFirst, ChainId? parent, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var done = new List<LayerRecord>();
        Hold(baseFirst, parent);
        while (true)
        {
            // What is there already. Without a known diff ID a layer can't be looked up.
            while (done.Count < baseFirst.Count && baseFirst[done.Count].DiffId is { } known
                && FindOrBorrow(ChainId.Of(done.Count == 0 ? parent : done[^1].ChainId, known)) is { } layer)
                done.Add(layer);
            if (done.Count == baseFirst.Count)
                return PutUnderLease(done); // their origins stay as they are: a blob that was not read is not believed to be this layer
            var below = done.Count == 0 ? parent : done[^1].ChainId;
            if (baseFirst[done.Count].DiffId is not { } next)
                return PutUnderLease([.. done, .. Unpack(baseFirst.Skip(done.Count).ToArray(), below, progress, cancellationToken)]);
            // Whoever unpacks the first missing layer holds its lock; others wait, then find it.
            var missing = ChainId.Of(below, next);
            string path = Path.Combine(_layout.Locks, missing.Digest.Hex);
            var only = ProcessLock.AcquireNamed(path);
            try
            {
                if (FindLayer(missing) is not null)
                    continue;
                done.AddRange(Unpack(baseFirst.Skip(done.Count).ToArray(), below, progress, cancellationToken));
                return PutUnderLease(done);
            }
            finally
            {
                only.Delete(path);
            }
        }
    }

    /// <summary>Writes a layer's tar, byte for byte as it came, and verifies it while writing.</summary>
    /// <exception cref="StrataException">Corrupt: the layer's files are not what they were; what was written is no use then.</exception>
    public void WriteTar(LayerRecord layer, Stream destination, CancellationToken cancellationToken = default)
    {
        if (IsMissing(layer))
            throw GoneThere("This", layer);
        WriteExactTar(layer.DriverId, layer.Parent is { } p ? FindLayer(p)?.DriverId : null, layer.DiffId, destination, cancellationToken);
    }

    /// <summary>Writes the tar of a driver's layer, byte for byte as it was applied, and verifies it while writing.</summary>
    internal void WriteExactTar(LayerId id, LayerId? parent, DiffId diff, Stream destination, CancellationToken cancellationToken)
    {
        using var hashing = new HashingStream(destination, leaveOpen: true);
        if (Driver.Capabilities.ReproducesExactDiffs)
        {
            Driver.Diff(id, parent, hashing, null, cancellationToken);
        }
        else
        {
            using var recipe = OpenRecipe(id, diff);
            using var contents = Driver.OpenContents(id);
            TarRecipe.Open(recipe).WriteTar(contents, hashing, cancellationToken);
        }
        if (hashing.Digest != diff.Digest)
        {
            throw StrataException.Corrupt(
                $"Layer {diff} can't be given back: its files were changed behind the store's back (they now make {hashing.Digest}). Remove its image and load it again.");
        }
    }

    /// <summary>Removes a layer that nothing uses.</summary>
    /// <returns>The layer that was removed.</returns>
    /// <exception cref="StrataException">NotFound: there is none. FailedPrecondition: an image, a layer or a writable layer is on it.</exception>
    public LayerRecord RemoveLayer(ChainId chain)
    {
        var layer = FindLayer(chain) ?? throw StrataException.NotFound($"There is no layer {chain} in the store.");
        return Guard($"Can't remove layer {chain}", () => _reserve.Using(() => Remove(layer, explicitly: true)));
    }

    private LayerRecord Remove(LayerRecord layer, bool explicitly)
    {
        var chain = layer.ChainId;
        using var lease = LeaseForRemoval(layer.DriverId, () => IsNamed(layer.DriverId)) // from here on recovery finishes what a crash interrupts
            ?? throw StrataException.NotFound($"Layer {chain} was removed meanwhile.");
        _database.Write(s =>
        {
            // What was made for its own sake goes when it is told to; any other lease is somebody's word that it stays.
            if (explicitly)
                s.Run("DELETE FROM lease_items WHERE lease=$1 AND kind='layer' AND what=$2", AppliedLease, chain.ToString());
            if (UserOf(s, chain) is { } user)
                throw StrataException.FailedPrecondition($"Can't remove layer {chain}: {user} needs it. Remove that first.");
            return s.Run("DELETE FROM layers WHERE chain=$1 AND driver_id=$2", chain.ToString(), layer.DriverId.ToString()) == 1
                ? true
                : throw StrataException.NotFound($"Layer {chain} was removed meanwhile.");
        });
        Discard(layer.DriverId, lease);
        return layer;
    }

    private static string? UserOf(Session s, ChainId chain) =>
        s.List("SELECT 'layer ' || chain FROM layers WHERE parent=$1 LIMIT 1", r => r.GetString(0), chain.ToString()).FirstOrDefault() ?? s.UserOf(Roots.Layers, chain.ToString());

    /// <summary>Removes what a layer has on disk, after its metadata is gone. What a crash leaves of it is swept by recovery.</summary>
    internal void Discard(LayerId id, Lease lease)
    {
        try
        {
            // What says what it was goes first: metadata that is made again must not bring it back.
            File.Delete(_layout.LayerFact(id));
            Driver.ReleaseMounts(id);
            Driver.Remove(id);
            File.Delete(_layout.Recipe(id));
        }
        catch
        {
            lease.LeaveForRecovery();
            throw;
        }
    }

    private static StrataException RemovedBelow(ChainId layer, Exception? inner) =>
        StrataException.Unavailable($"Layer {layer} was removed while layers were unpacked on it. Try again.", inner);

    private FileStream OpenRecipe(LayerId id, DiffId diff)
    {
        try
        {
            return new FileStream(_layout.Recipe(id), FileMode.Open, FileAccess.Read, FileShare.Read, 64 * 1024);
        }
        catch (FileNotFoundException e)
        {
            throw StrataException.Corrupt($"Layer {diff} can't be given back: its recipe is missing. Remove its image and load it again.", e);
        }
    }

    private List<LayerRecord> Unpack(LayerInput[] inputs, ChainId? parent, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        var below = parent is { } p ? FindLayer(p) ?? throw StrataException.NotFound($"There is no layer {p} in the store.") : null;
        using var unpacker = new LayerUnpacker(Driver, _layout, _limits, inputs, below, progress);
        List<LayerRecord> records;
        try
        {
            records = unpacker.Run(cancellationToken);
        }
        catch (StrataException e) when (below is not null && FindLayer(below.ChainId)?.DriverId != below.DriverId)
        {
            throw RemovedBelow(below.ChainId, e); // its files went while they were read, whatever that looked like
        }
        _holds.Add([.. records.Select(r => r.ChainId)]);
        var kept = _database.Write(s =>
        {
            if (parent is { } still && s.Count("SELECT count(*) FROM layers WHERE chain=$1", still.ToString()) == 0)
                throw RemovedBelow(still, null);
            // A layer whose diff ID was not known may turn out to be there already.
            foreach (var record in records)
            {
                string chain = record.ChainId.ToString();
                if (s.Count("SELECT count(*) FROM layers WHERE chain=$1", chain) == 0)
                    continue;
                return s.ListWhole($"SELECT {Rows.LayerColumns} FROM layers WHERE chain=$1", Rows.Layer, chain).Count > 0
                    ? false
                    : throw StrataException.Corrupt($"The metadata of layer {chain} is damaged. Mend it first: strata check --repair");
            }
            for (int i = 0; i < records.Count; i++)
            {
                Rows.Insert(s, records[i]);
                if (inputs[i].Origin is { } origin)
                    InsertOrigin(s, records[i].DiffId, new LayerOrigin(origin, records[i].BlobDigest, records[i].BlobBytes, records[i].Created));
            }
            return true;
        });
        if (kept)
            unpacker.Keep();
        return kept ? records : records.Select(r => FindLayer(r.ChainId) ?? throw StrataException.Unavailable($"Layer {r.ChainId} vanished. Try again.")).ToList();
    }
}
