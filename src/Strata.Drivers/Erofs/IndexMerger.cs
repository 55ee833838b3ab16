using Strata.Drivers.Overlay;
using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <summary>
/// Makes one index of the indexes of several layers, by overlayfs's rules: what it shows is what a stack of them would show, and it points into
/// the tars of all of them.
/// </summary>
/// <remarks>Memory: <see cref="LayerTree"/> of what the layers show together, and some pages for each layer.</remarks>
internal sealed class IndexMerger
{
    private readonly IReadOnlyList<LayerIndex> _layers;
    private readonly OverlayMarks _marks;
    private readonly bool _keepMarks;
    private readonly ErofsImageWriter _image;
    private readonly LayerTree _tree = new();
    private readonly int[] _firstDevice;
    private readonly Dictionary<(int Layer, ulong Inode), uint> _linked = [];
    private readonly Dictionary<uint, uint> _links = [];

    private IndexMerger(IReadOnlyList<LayerIndex> layers, Stream destination, OverlayMarks marks, bool keepMarks)
    {
        _layers = layers;
        _marks = marks;
        _keepMarks = keepMarks;
        _firstDevice = new int[layers.Count];
        int devices = 0;
        for (int i = 0; i < layers.Count; i++)
        {
            _firstDevice[i] = devices + 1;
            devices += layers[i].SideBytes > 0 ? 2 : 1;
        }
        _image = new ErofsImageWriter(destination, new ErofsWriterOptions
        {
            BlockBits = System.Numerics.BitOperations.Log2(ErofsHome.BlockBytes), Devices = devices, VolumeName = ErofsHome.VolumeName,
        });
    }

    /// <summary>Merges.</summary>
    /// <param name="layers">The layers' indexes, nearest first; owned.</param>
    /// <param name="destination">Where the index goes.</param>
    /// <param name="marks">overlayfs's marks.</param>
    /// <param name="keepMarks">True: more layers lie below, from which the marks still hide.</param>
    internal static void Merge(IReadOnlyList<LayerIndex> layers, Stream destination, OverlayMarks marks, bool keepMarks)
    {
        try
        {
            new IndexMerger(layers, destination, marks, keepMarks).Run();
        }
        finally
        {
            foreach (var layer in layers)
                layer.Dispose();
        }
    }

    private void Run()
    {
        var roots = _layers.Select((layer, i) => (Layer: i, Inode: layer.Reader.Root)).ToList();
        ref var root = ref _tree.Directory(LayerTree.Root);
        root.Attributes = AttributesOf(roots[0].Inode);
        root.Flags = DirectoryMarks.None;
        var open = new Stack<(int Directory, List<(int Layer, ErofsInode Inode)> Parts)>();
        open.Push((LayerTree.Root, roots)); // overlayfs merges roots whatever their marks say
        while (open.TryPop(out var next))
            MergeDirectory(next.Directory, next.Parts, open);
        for (int i = 0; i < _layers.Count; i++)
        {
            _image.SetDeviceBytes(_firstDevice[i], _layers[i].TarBytes, default);
            if (_layers[i].SideBytes > 0)
                _image.SetDeviceBytes(_firstDevice[i] + 1, _layers[i].SideBytes, default);
        }
        new LayerTreeImage(_tree, _image).Write(Settle, _links);
    }

    private void MergeDirectory(int directory, List<(int Layer, ErofsInode Inode)> parts, Stack<(int, List<(int, ErofsInode)>)> open)
    {
        var names = new List<(byte[] Name, int Layer, ErofsNode Node)>();
        foreach (var (layer, inode) in parts)
        {
            foreach (var child in _layers[layer].Reader.ReadDirectory(inode))
                names.Add((child.Name, layer, child.Node));
        }
        names.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name) is var order and not 0 ? order : a.Layer.CompareTo(b.Layer));
        var below = new List<(int, List<(int, ErofsInode)>)>();
        for (int i = 0; i < names.Count;)
        {
            int end = i + 1;
            while (end < names.Count && names[end].Name.AsSpan().SequenceEqual(names[i].Name))
                end++;
            AddName(directory, names, i, end, below);
            i = end;
        }
        for (int i = below.Count - 1; i >= 0; i--)
            open.Push(below[i]); // depth first, in order: what is near in the tree is near in the index
    }

    private void AddName(int directory, List<(byte[] Name, int Layer, ErofsNode Node)> names, int begin, int end, List<(int, List<(int, ErofsInode)>)> below)
    {
        var (name, layer, node) = names[begin];
        var top = _layers[layer].Reader.ReadInode(node);
        if (LayerIndex.IsWhiteout(top))
        {
            if (_keepMarks)
                _tree.Add(directory, name, TreeNodeKind.Whiteout, 0);
            return;
        }
        if (top.Kind != EntryKind.Directory)
        {
            AddObject(directory, name, layer, top);
            return;
        }
        var parts = new List<(int, ErofsInode)> { (layer, top) };
        bool opaque = IsOpaque(top);
        for (int i = begin + 1; i < end && !opaque; i++)
        {
            var lower = _layers[names[i].Layer].Reader.ReadInode(names[i].Node);
            opaque = lower.Kind != EntryKind.Directory || IsOpaque(lower);
            if (lower.Kind == EntryKind.Directory)
                parts.Add((names[i].Layer, lower));
        }
        int made = _tree.AddDirectory(directory, name, opaque && _keepMarks ? DirectoryMarks.Opaque : DirectoryMarks.None);
        _tree.Directory(made).Attributes = AttributesOf(top);
        below.Add((made, parts));
    }

    private void AddObject(int directory, ReadOnlySpan<byte> name, int layer, ErofsInode inode)
    {
        bool linked = inode.LinkCount > 1;
        if (!linked || !_linked.TryGetValue((layer, inode.Node.Nid), out uint number))
        {
            number = LayerIndexer.Number(Write(layer, inode));
            if (linked)
            {
                _linked.Add((layer, inode.Node.Nid), number);
                _links.Add(number, inode.LinkCount); // as in its layer, whichever of its names are seen: as a stack shows it
            }
        }
        if (inode.Kind == EntryKind.Symlink)
            _tree.AddSymlink(directory, name, inode.LinkTarget, number);
        else
            _tree.Add(directory, name, KindOf(inode.Kind), number);
    }

    private ErofsNode Write(int layer, ErofsInode inode)
    {
        var attributes = AttributesOf(inode);
        switch (inode.Kind)
        {
            case EntryKind.Symlink:
                return _image.AddSymlink(attributes, inode.LinkTarget);
            case EntryKind.CharDevice or EntryKind.BlockDevice:
                return _image.AddDevice(attributes, inode.Kind, inode.DeviceMajor, inode.DeviceMinor);
            case EntryKind.Fifo:
                return _image.AddFifo(attributes);
            case EntryKind.RegularFile when inode.SizeBytes == 0:
                return _image.AddFile(attributes, 0, 1, 0);
            case EntryKind.RegularFile:
                var place = _layers[layer].PlaceOf(inode);
                return _image.AddFile(attributes, inode.SizeBytes, _firstDevice[layer] + place.Device - 1, place.DeviceOffsetBytes);
            default:
                throw StrataException.Corrupt($"The index of a layer is damaged: it holds a {inode.Kind}. Delete the index; it is made again.");
        }
    }

    private ErofsAttributes Settle(int directory)
    {
        ref var settled = ref _tree.Directory(directory);
        return (settled.Flags & DirectoryMarks.Opaque) != 0
            ? settled.Attributes with { Xattrs = [.. settled.Attributes.Xattrs, _marks.OpaqueMark] }
            : settled.Attributes;
    }

    private ErofsAttributes AttributesOf(ErofsInode inode) => LayerIndex.AttributesOf(inode) with { Xattrs = _marks.WithoutMarks(inode.Xattrs) };

    private bool IsOpaque(ErofsInode inode) => inode.Xattrs.Any(_marks.IsOpaqueMark);

    private static TreeNodeKind KindOf(EntryKind kind) => kind switch
    {
        EntryKind.CharDevice => TreeNodeKind.CharDevice,
        EntryKind.BlockDevice => TreeNodeKind.BlockDevice,
        EntryKind.Fifo => TreeNodeKind.Fifo,
        _ => TreeNodeKind.File,
    };
}
