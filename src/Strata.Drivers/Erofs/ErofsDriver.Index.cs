using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>Applying a layer, and its index, which can be made again at any time.</content>
public sealed partial class ErofsDriver
{
    private static readonly LayerLimits NoLimits = new()
    {
        // What was applied once was within the limits of its time.
        MaxTarBytes = long.MaxValue, MaxContentBytes = long.MaxValue, MaxEntries = long.MaxValue, MaxPathDepth = int.MaxValue, MaxPathBytes = int.MaxValue,
        MaxXattrTotalBytes = int.MaxValue, MaxExtendedHeaderBytes = int.MaxValue, MaxSparseExtents = int.MaxValue,
    };

    private long Apply(LayerId id, Stream tar, ApplyOptions options, CancellationToken cancellationToken)
    {
        var lowers = _layout.ReadLowers(id);
        using var locked = FileLock.Acquire(_layout.Lock(id));
        string newTar = _layout.Tar(id) + ".new", newIndex = _layout.Index(id) + ".new", newSide = _layout.Side(id) + ".new";
        try
        {
            long sizeBytes;
            using (var sink = new ErofsSink(newTar, 0, newIndex, newSide, _marks, Below(lowers, options.AwaitParent)))
            {
                sizeBytes = LayerPipe.Apply(tar, sink, options, cancellationToken);
                if (sink.HasSide)
                    NameCalls.Rename(newSide, _layout.Side(id));
            }
            NameCalls.Rename(newIndex, _layout.Index(id));
            NameCalls.Rename(newTar, _layout.Tar(id)); // last: by it the layer is applied
            return sizeBytes;
        }
        catch
        {
            foreach (string half in new[] { newTar, newIndex, newSide, _layout.Index(id), _layout.Side(id) })
                TreeRemover.Remove(half);
            throw;
        }
    }

    /// <summary>The layer's index, made again if it is not there.</summary>
    private string EnsureIndex(LayerId id)
    {
        string path = _layout.Index(id);
        if (File.Exists(path))
            return path;
        using var locked = FileLock.Acquire(_layout.Lock(id));
        if (File.Exists(path))
            return path;
        string index = path + ".new", side = _layout.Side(id) + ".new";
        try
        {
            MakeIndex(id, index, side);
            if (File.Exists(side))
                Place(side, _layout.Side(id));
            Place(index, path);
            return path;
        }
        catch
        {
            TreeRemover.Remove(index);
            TreeRemover.Remove(side);
            throw;
        }
    }

    /// <summary>Gives a cache its name once it is on disk: nobody syncs it later, and a torn one would be found by a mount that fails.</summary>
    private static void Place(string made, string path)
    {
        using (var file = FileCalls.Open(made, OpenFlags.ReadOnly))
            FileCalls.Sync(file, made);
        NameCalls.Rename(made, path);
    }

    /// <summary>Makes a layer's index and side file out of its tar and the layers below.</summary>
    private void MakeIndex(LayerId id, string indexPath, string sidePath, CancellationToken cancellationToken = default)
    {
        TreeRemover.Remove(sidePath);
        using var tar = FileStreams.OpenRead(FileCalls.Open(_layout.Tar(id), OpenFlags.ReadOnly));
        using var sink = new ErofsSink(null, tar.Length, indexPath, sidePath, _marks, Below(_layout.ReadLowers(id), null));
        try
        {
            LayerPipe.Apply(tar, sink, new ApplyOptions { Limits = NoLimits }, cancellationToken);
        }
        catch (StrataException e) when (e.Kind is ErrorKind.Corrupt or ErrorKind.InvalidArgument)
        {
            throw StrataException.Corrupt($"No index can be made of {_layout.Tar(id)}, which is damaged: {e.Message} Remove its image and load it again.", e);
        }
    }

    private Lazy<ILowerTree>? Below(IReadOnlyList<LayerId> lowers, Action? awaitParent) => lowers.Count == 0 ? null : new Lazy<ILowerTree>(() =>
    {
        awaitParent?.Invoke();
        return OpenLowerTree(lowers);
    });

    /// <summary>
    /// The tree of layers, nearest first, to be looked into: by their indexes as far as they are tars, what lies below them as the kernel shows it.
    /// </summary>
    private ILowerTree OpenLowerTree(IReadOnlyList<LayerId> nearestFirst)
    {
        int tars = 0;
        while (tars < nearestFirst.Count && _layout.IsApplied(nearestFirst[tars]))
            tars++;
        if (tars == 0)
            return new MountedLowerTree(OpenView(StackOf(nearestFirst)), _marks);
        var below = tars == nearestFirst.Count ? null : new Lazy<ILowerTree>(() => new MountedLowerTree(OpenView(StackOf(nearestFirst.Skip(tars).ToArray())), _marks));
        return new IndexedLowerTree(nearestFirst.Take(tars).ToArray(), below, OpenIndex, OpenDevice, _marks);
    }

    private LayerIndex OpenIndex(LayerId id) => new(EnsureIndex(id));

    private FileDescriptor OpenDevice(LayerId id, int device) =>
        FileCalls.Open(device == LayerIndexer.TarDevice ? _layout.Tar(id) : _layout.Side(id), OpenFlags.ReadOnly);

    /// <summary>The files that an index of layers points into, in the order of their numbers.</summary>
    private IEnumerable<string> DevicesOf(IReadOnlyList<LayerId> layers)
    {
        foreach (var layer in layers)
        {
            yield return _layout.Tar(layer);
            if (File.Exists(_layout.Side(layer)))
                yield return _layout.Side(layer);
            else if (layers.Count == 1)
                yield return _layout.Tar(layer); // its index has two devices in any case; one of no blocks is never read
        }
    }

    /// <summary>The one index of applied layers in a row, nearest first; made if it is not there.</summary>
    private string EnsureChain(IReadOnlyList<LayerId> layers)
    {
        string path = _layout.Chain(layers[0]);
        if (File.Exists(path))
            return path;
        foreach (var layer in layers)
            EnsureIndex(layer);
        using var locked = FileLock.Acquire(_layout.Lock(layers[0]));
        if (File.Exists(path))
            return path;
        try
        {
            MakeChain(layers, path + ".new");
            Place(path + ".new", path);
            return path;
        }
        catch
        {
            TreeRemover.Remove(path + ".new");
            throw;
        }
    }

    private void MakeChain(IReadOnlyList<LayerId> layers, string path)
    {
        bool reachesBase = _layout.ReadLowers(layers[^1]).Count == 0;
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.ReadWrite, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        IndexMerger.Merge(layers.Select(OpenIndex).ToArray(), file, _marks, keepMarks: !reachesBase);
    }
}
