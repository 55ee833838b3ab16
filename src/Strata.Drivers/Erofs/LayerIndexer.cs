using Strata.Drivers.Overlay;
using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <summary>Makes the index of one layer while its tar streams by: inodes are written as entries come, directories at the end.</summary>
/// <remarks>
/// The rules are those of <see cref="Trees.TreeWriter"/>, kept in memory instead of on disk: a layer is literal, its own symbolic links are followed
/// inside its root, what it replaces is gone, directories that it only implies look as they do below, removals are overlayfs's marks.
/// Nothing is unpacked. What the tar can't serve by pointing (sparse files, files of the layers below that a hard link names) goes to the side file.
/// After an error it is of no more use. Memory: see <see cref="LayerTree"/>.
/// </remarks>
internal sealed partial class LayerIndexer
{
    /// <summary>The device that the tar is.</summary>
    internal const int TarDevice = 1;

    /// <summary>The device that the side file is.</summary>
    internal const int SideDevice = 2;

    private readonly LayerTree _tree = new();
    private readonly ErofsImageWriter _image;
    private readonly SideFile _side;
    private readonly OverlayMarks _marks;
    private readonly Lazy<ILowerTree>? _below;
    private readonly Dictionary<uint, uint> _links = [];
    private readonly List<(int Node, uint Inode)> _broughtUp = [];
    private bool _hidesRoot;

    /// <param name="image">The index; the caller completes neither it nor its devices.</param>
    /// <param name="side">The side file.</param>
    /// <param name="marks">overlayfs's marks.</param>
    /// <param name="below">The layers below, opened when they are first needed; null without a parent.</param>
    internal LayerIndexer(ErofsImageWriter image, SideFile side, OverlayMarks marks, Lazy<ILowerTree>? below)
    {
        _image = image;
        _side = side;
        _marks = marks;
        _below = below;
    }

    /// <summary>Takes one entry of the layer, whiteouts and opaque marks included.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="content">Its content; read only if the tar can't serve it.</param>
    /// <param name="dataOffsetBytes">Where its data lies in the tar.</param>
    internal void Add(LayerEntry entry, EntryContent content, long dataOffsetBytes)
    {
        switch (entry.Kind)
        {
            case EntryKind.Opaque:
                AddOpaque(entry.Path);
                break;
            case EntryKind.Whiteout:
                AddWhiteout(entry.Path);
                break;
            case EntryKind.Directory:
                AddDirectory(_marks.ToDisk(entry));
                break;
            case EntryKind.HardLink:
                AddHardLink(entry);
                break;
            default:
                AddObject(_marks.ToDisk(entry), content, dataOffsetBytes);
                break;
        }
    }

    private void AddDirectory(LayerEntry entry)
    {
        var attributes = AttributesOf(entry);
        if (entry.Path.IsRoot)
        {
            ref var root = ref _tree.Directory(LayerTree.Root);
            root.Attributes = attributes;
            root.Flags &= ~DirectoryMarks.Implied;
            return;
        }
        int parent = ParentOf(entry.Path);
        int node = _tree.Find(parent, entry.Path.Name);
        int directory;
        if (node != LayerTree.None && _tree.Node(node).Kind == TreeNodeKind.Directory)
        {
            directory = (int)_tree.Node(node).Value;
        }
        else
        {
            // What stood there hid the layers below; the directory must go on hiding them.
            directory = MakeDirectory(parent, entry.Path.Name, node == LayerTree.None ? DirectoryMarks.None : DirectoryMarks.Opaque | DirectoryMarks.Replaces);
        }
        ref var listed = ref _tree.Directory(directory);
        listed.Attributes = attributes;
        listed.Flags &= ~(DirectoryMarks.Implied | DirectoryMarks.AsBelow);
    }

    private void AddObject(LayerEntry entry, EntryContent content, long dataOffsetBytes)
    {
        int parent = ParentOf(entry.Path);
        Displace(parent, entry.Path.Name);
        var attributes = AttributesOf(entry);
        if (entry.Kind == EntryKind.Symlink)
        {
            _tree.AddSymlink(parent, entry.Path.Name, entry.LinkTarget, Number(_image.AddSymlink(attributes, entry.LinkTarget)));
            return;
        }
        var (kind, inode) = entry.Kind switch
        {
            EntryKind.RegularFile => (TreeNodeKind.File, AddFile(attributes, entry.SizeBytes, content, dataOffsetBytes)),
            EntryKind.CharDevice => (TreeNodeKind.CharDevice, _image.AddDevice(attributes, entry.Kind, entry.DeviceMajor, entry.DeviceMinor)),
            EntryKind.BlockDevice => (TreeNodeKind.BlockDevice, _image.AddDevice(attributes, entry.Kind, entry.DeviceMajor, entry.DeviceMinor)),
            EntryKind.Fifo => (TreeNodeKind.Fifo, _image.AddFifo(attributes)),
            _ => throw new InvalidOperationException($"A layer can't hold a {entry.Kind}."),
        };
        _tree.Add(parent, entry.Path.Name, kind, Number(inode));
    }

    private ErofsNode AddFile(in ErofsAttributes attributes, long sizeBytes, EntryContent content, long dataOffsetBytes)
    {
        bool tarServes = content.Extents is null && dataOffsetBytes >= 0 && dataOffsetBytes % ErofsHome.BlockBytes == 0;
        if (sizeBytes == 0 || tarServes)
            return _image.AddFile(attributes, sizeBytes, TarDevice, sizeBytes == 0 ? 0 : dataOffsetBytes);
        return _image.AddFile(attributes, sizeBytes, SideDevice, _side.Add(content));
    }

    private void AddHardLink(LayerEntry entry)
    {
        var target = entry.HardLinkTarget;
        int found = FindTarget(target);
        if (found == LayerTree.None)
            found = BringUp(target);
        if (found == LayerTree.None)
            throw Refused(entry, "which is neither in this layer nor below it");
        if (_tree.Node(found).Kind == TreeNodeKind.Directory)
            throw Refused(entry, "which is a directory");
        int parent = ParentOf(entry.Path);
        var name = entry.Path.Name;
        // Finding the link's place may have put a directory where the target, or what leads to it, was.
        if (_tree.Node(found).Kind == TreeNodeKind.Gone)
            throw Refused(entry, "which it replaces");
        int old = _tree.Find(parent, name);
        if (old == found)
            throw Refused(entry, "which is itself");
        if (old != LayerTree.None && _tree.Node(old).Kind == TreeNodeKind.Directory && IsInside(_tree.Node(found).Directory, (int)_tree.Node(old).Value))
            throw Refused(entry, "which lies below it");
        var (kind, inode) = (_tree.Node(found).Kind, _tree.Node(found).Value);
        if (old != LayerTree.None && _tree.Node(old).Kind == kind && _tree.Node(old).Value == inode)
            return; // linked already
        Displace(parent, name);
        _links[inode] = _links.GetValueOrDefault(inode, 1u) + 1;
        if (kind == TreeNodeKind.Symlink)
            _tree.AddSymlink(parent, name, _tree.TargetOf(found).ToArray(), inode);
        else
            _tree.Add(parent, name, kind, inode);
    }

    /// <summary>Copies an object of the layers below to its place in this layer, since a hard link names it.</summary>
    private int BringUp(EntryPath path)
    {
        path = ActualPath(path);
        if (_below is null || path.IsRoot || IsHidden(path) || _below.Value.FindObject(path) is not { } lower)
            return LayerTree.None;
        int parent = Walk(path.Parent, DirectoryMarks.AsBelow);
        var inode = lower.Kind switch
        {
            EntryKind.RegularFile => AddBroughtUp(lower),
            EntryKind.Symlink => _image.AddSymlink(lower.Attributes, lower.LinkTarget),
            EntryKind.CharDevice or EntryKind.BlockDevice => _image.AddDevice(lower.Attributes, lower.Kind, lower.DeviceMajor, lower.DeviceMinor),
            _ => _image.AddFifo(lower.Attributes),
        };
        int node = lower.Kind == EntryKind.Symlink
            ? _tree.AddSymlink(parent, path.Name, lower.LinkTarget, Number(inode))
            : _tree.Add(parent, path.Name, KindOf(lower.Kind), Number(inode));
        _broughtUp.Add((node, Number(inode)));
        return node;
    }

    private ErofsNode AddBroughtUp(LowerObject lower)
    {
        if (lower.SizeBytes == 0)
            return _image.AddFile(lower.Attributes, 0, TarDevice, 0);
        var content = lower.OpenContent();
        try
        {
            return _image.AddFile(lower.Attributes, lower.SizeBytes, SideDevice, _side.Add(content));
        }
        finally
        {
            (content as IDisposable)?.Dispose();
        }
    }

    /// <summary>Frees a name: what stands there goes, a directory with all in it.</summary>
    private void Displace(int parent, ReadOnlySpan<byte> name)
    {
        int node = _tree.Find(parent, name);
        if (node == LayerTree.None)
            return;
        Forget(node);
        _tree.Remove(node);
        _cachedPath = null;
    }

    /// <summary>Counts one link less for all that goes with an entry.</summary>
    private void Forget(int node)
    {
        if (_links.Count == 0)
            return;
        var going = new Stack<int>([node]);
        while (going.TryPop(out int next))
        {
            var (kind, value) = (_tree.Node(next).Kind, _tree.Node(next).Value);
            if (kind == TreeNodeKind.Directory)
            {
                foreach (int child in _tree.ChildrenOf((int)value))
                    going.Push(child);
            }
            else if (kind != TreeNodeKind.Whiteout && _links.TryGetValue(value, out uint count))
            {
                _links[value] = count - 1;
            }
        }
    }

    private bool IsInside(int directory, int ancestor)
    {
        for (int at = directory; at != LayerTree.None; at = _tree.Directory(at).Parent)
        {
            if (at == ancestor)
                return true;
        }
        return false;
    }

    private static ErofsAttributes AttributesOf(LayerEntry entry)
    {
        foreach (var xattr in entry.Xattrs)
        {
            if (!ErofsImageWriter.CanStore(xattr))
                throw StrataException.NotSupported($"An EROFS layer can't keep the attribute '{EntryPath.Display(xattr.Name)}' of {entry.Path}: it holds those of user., trusted. and security. and well-formed access lists.");
        }
        return new ErofsAttributes(entry.Mode, entry.Uid, entry.Gid, entry.Mtime, entry.Xattrs);
    }

    private static TreeNodeKind KindOf(EntryKind kind) => kind switch
    {
        EntryKind.CharDevice => TreeNodeKind.CharDevice,
        EntryKind.BlockDevice => TreeNodeKind.BlockDevice,
        EntryKind.Fifo => TreeNodeKind.Fifo,
        _ => TreeNodeKind.File,
    };

    /// <summary>An inode's number as the tree keeps it.</summary>
    internal static uint Number(ErofsNode node) => node.Nid <= uint.MaxValue
        ? (uint)node.Nid
        : throw StrataException.Exhausted("The layer was refused: its index would be larger than 128 GiB.");

    private static StrataException Refused(LayerEntry entry, string why) =>
        StrataException.InvalidArgument($"The layer was refused: the hard link {entry.Path} names {entry.HardLinkTarget}, {why}.");
}
