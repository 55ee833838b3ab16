using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>What is in layers: applied as a tar, given back, compared.</content>
public sealed partial class GraphStore
{
    /// <summary>Puts the content of a tar into a layer that was just made. Durable when it returns.</summary>
    /// <remarks>
    /// That it began is kept first: Docker sends a call whose connection broke again, with what is left of the tar, which may look like a whole one.
    /// </remarks>
    /// <param name="id">The layer.</param>
    /// <param name="parent">Its parent, or null.</param>
    /// <param name="tar">The tar, compressed or not. Read to its end; not closed.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>The sum of the sizes of the files in it, in bytes.</returns>
    /// <exception cref="StrataException">
    /// NotFound. FailedPrecondition: applying to it began before. InvalidArgument, Corrupt, Exhausted: as of every layer. After a failure the layer is
    /// empty, and can only be removed.
    /// </exception>
    public long ApplyDiff(string id, string? parent, Stream tar, CancellationToken cancellationToken = default)
    {
        Check(id);
        using var held = _locks.Acquire(id, cancellationToken);
        var layer = GetLayer(id);
        if (parent is { Length: > 0 } && parent != layer.Parent)
            throw StrataException.InvalidArgument($"Layer {id} is on {layer.Parent ?? "nothing"}, not on {parent}: the tar can't be applied.");
        return Store.Guard($"Can't apply a tar to layer {id}", () => layer.Writable ? Add(layer, tar, cancellationToken) : Fill(layer, tar, cancellationToken));
    }

    /// <summary>Writes what is between a layer and another as an uncompressed OCI layer; of an applied one and its parent the tar that was applied, byte for byte.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="parent">The layer to compare with, or null.</param>
    /// <param name="destination">Where the tar goes. Not closed. After a failure it holds a broken one.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">NotFound. Corrupt: the files of an applied layer were changed.</exception>
    public void Diff(string id, string? parent, Stream destination, CancellationToken cancellationToken = default)
    {
        var layer = RequireWhole(id);
        var below = ParentOf(parent);
        Store.Guard($"Can't tell what is in layer {id}", () =>
        {
            if (layer.DiffId is { } diff && layer.IdMapping is null && below?.Id == layer.Parent)
                _store.WriteExactTar(layer.DriverId, below?.DriverId, diff, destination, cancellationToken);
            else if (layer.IdMapping is { } map)
                WriteUnmapped(layer.DriverId, below?.DriverId, map, destination, cancellationToken);
            else
                Driver.Diff(layer.DriverId, below?.DriverId, destination, null, cancellationToken);
            return true;
        });
    }

    /// <summary>What changed between a layer and another.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public IReadOnlyList<Change> Changes(string id, string? parent, CancellationToken cancellationToken = default)
    {
        var layer = RequireWhole(id);
        var below = ParentOf(parent);
        return Store.Guard($"Can't tell the changes of layer {id}", () => Driver.Changes(layer.DriverId, below?.DriverId, null, cancellationToken));
    }

    /// <summary>The sizes of the files that were added or changed between a layer and another, in bytes.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public long DiffSize(string id, string? parent, CancellationToken cancellationToken = default)
    {
        var layer = RequireWhole(id);
        var below = ParentOf(parent);
        return Store.Guard($"Can't measure layer {id}", () => Driver.DiffSize(layer.DriverId, below?.DriverId, cancellationToken));
    }

    /// <summary>
    /// Forgets a layer to which a process that ended was applying a tar; it is swept then. False: it is none, or something was made on it. Its owner
    /// did not get an answer, so he removes it, which is no error when it is gone.
    /// </summary>
    internal bool Forget(LayerId driverId)
    {
        const string Begun = "driver_id=$1 AND content=$2 AND NOT EXISTS (SELECT 1 FROM graph child WHERE child.parent=graph.id)";
        return _database.Write(s =>
        {
            if (s.List($"SELECT id FROM graph WHERE {Begun}", r => r.GetString(0), driverId.ToString(), (int)GraphContent.Begun) is not [var id])
                return false;
            File.Delete(Path.Combine(_layout.GraphApplied, id)); // written before it was applied
            return s.Run($"DELETE FROM graph WHERE {Begun}", driverId.ToString(), (int)GraphContent.Begun) == 1;
        });
    }

    private GraphLayer? ParentOf(string? parent) => parent is { Length: > 0 } ? RequireWhole(Check(parent)) : null;

    /// <summary>To a layer that is written to, a tar is one more change.</summary>
    private long Add(GraphLayer layer, Stream tar, CancellationToken cancellationToken)
    {
        var below = layer.Parent is { } parent ? GetLayer(parent).DriverId : (LayerId?)null;
        var options = new ApplyOptions { Limits = _store.Limits };
        if (layer.IdMapping is not { } map)
            return Driver.ApplyDiff(layer.DriverId, below, tar, options, cancellationToken);
        using var mapped = new ProducedStream((to, cancelled) => MappedTar.Write(tar, to, map, _store.Limits, root: false, cancelled), cancellationToken);
        return Driver.ApplyDiff(layer.DriverId, below, mapped, options, cancellationToken);
    }

    private long Fill(GraphLayer layer, Stream tar, CancellationToken cancellationToken)
    {
        var begun = layer with { Content = GraphContent.Begun };
        using var lease = Lease.Take(_layout, layer.DriverId);
        if (!_database.Write(s => s.Update(layer with { Content = GraphContent.None }, begun)))
            throw StrataException.FailedPrecondition(Find(layer.Id)?.Content == GraphContent.Applied
                ? $"A tar was applied to layer {layer.Id} already."
                : $"Applying a tar to layer {layer.Id} began before and did not end well; what is sent now may be the rest of it. Remove the layer and make it again.");
        var below = layer.Parent is { } parent ? GetLayer(parent) : null;
        try
        {
            using var counted = new CountingStream(tar);
            var applied = Apply(begun, below, counted, cancellationToken);
            if (counted.CountBytes == 0)
                throw StrataException.InvalidArgument($"Layer {layer.Id} came as nothing at all, not even as an empty tar.");
            var made = LayerOf(begun, below, applied);
            if (made is not null)
                File.WriteAllBytes(_layout.LayerFact(made.DriverId), Fact.Of(made));
            var expected = begun with { Content = GraphContent.Applied, DiffId = applied.DiffId, Layer = made?.ChainId };
            File.WriteAllBytes(_layout.GraphFact(layer), GraphFact.Of(expected));
            Driver.Sync();
            DurableFile.SyncFileSystem(_layout.Recipes);
            var kept = _database.Write(s => Keep(s, begun, made, applied));
            if (kept.DriverId != layer.DriverId)
                _store.DiscardQuietly(layer.DriverId, lease); // after the transaction nothing fails any more
            if (kept.Layer != expected.Layer)
                RecordQuietly(kept);
            return applied.ContentBytes;
        }
        catch
        {
            Empty(begun, below?.DriverId);
            throw;
        }
    }

    private AppliedLayer Apply(GraphLayer layer, GraphLayer? below, Stream tar, CancellationToken cancellationToken)
    {
        var options = new ApplyOptions { Limits = _store.Limits };
        if (layer.IdMapping is not { } map)
            return BlobApplier.Apply(Driver, _layout, layer.DriverId, below?.DriverId, tar, options, cancellationToken);
        using var mapped = new ProducedStream(
            (to, cancelled) => MappedTar.Write(tar, to, map, _store.Limits, root: below is null, cancelled), cancellationToken);
        return BlobApplier.Apply(Driver, _layout, layer.DriverId, below?.DriverId, mapped, options, cancellationToken);
    }

    /// <summary>The layer of the store that a tar makes; null: it has owners of its own, or lies on something that is none.</summary>
    private static LayerRecord? LayerOf(GraphLayer begun, GraphLayer? below, AppliedLayer applied) => begun.IdMapping is not null || (below is not null && below.Layer is null)
        ? null
        : new LayerRecord(
            ChainId.Of(below?.Layer, applied.DiffId), applied.DiffId, below?.Layer, begun.DriverId, applied.TarBytes, applied.ContentBytes, applied.BlobDigest,
            applied.BlobBytes, Rows.Now());

    /// <summary>Notes what was applied. If the store has that layer already, the driver's layer is that one's, and what was just made is of no use.</summary>
    private static GraphLayer Keep(Session s, GraphLayer begun, LayerRecord? made, AppliedLayer applied)
    {
        var kept = begun with { Content = GraphContent.Applied, DiffId = applied.DiffId };
        // What lies on it already has it as its lower: then it stays what it is.
        if (made is not null && s.FindGraphChild(begun.Id) is null)
        {
            string chain = made.ChainId.ToString();
            kept = kept with { Layer = made.ChainId };
            if (s.List("SELECT driver_id FROM layers WHERE chain=$1", r => LayerId.Parse(r.GetString(0)), chain) is [var there])
            {
                kept = kept with { DriverId = there };
            }
            else
            {
                Rows.Insert(s, made);
                s.Run("UPDATE layers SET by_snapshot=1 WHERE chain=$1", chain); // it goes with the last that uses it
            }
        }
        return s.Update(begun, kept) ? kept : throw StrataException.NotFound($"Layer {begun.Id} was removed while a tar was applied to it.");
    }

    /// <summary>Makes a layer anew, after an apply that failed. Should that fail too its owner removes what is left.</summary>
    private void Empty(GraphLayer layer, LayerId? parent)
    {
        try
        {
            Driver.Remove(layer.DriverId);
            File.Delete(_layout.Recipe(layer.DriverId));
            File.Delete(_layout.LayerFact(layer.DriverId));
            File.Delete(_layout.GraphFact(layer));
            Driver.Create(layer.DriverId, parent);
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            // Must not hide why the tar failed. The layer can be removed, and nothing else.
        }
    }

    private void WriteUnmapped(LayerId id, LayerId? parent, IdMapping map, Stream destination, CancellationToken cancellationToken)
    {
        using var found = new ProducedStream((to, cancelled) => Driver.Diff(id, parent, to, null, cancelled), cancellationToken);
        MappedTar.WriteBack(found, destination, map, cancellationToken);
    }

    /// <summary>Counts what is read, and closes nothing.</summary>
    private sealed class CountingStream(Stream inner) : ReadOnlyStream
    {
        internal long CountBytes { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            CountBytes += read;
            return read;
        }
    }
}
