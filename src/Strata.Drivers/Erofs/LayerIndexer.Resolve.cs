namespace Strata.Drivers.Erofs;

/// <content>How the directory of an entry is found, followed or made.</content>
internal sealed partial class LayerIndexer
{
    private const int MaxLinks = 40; // as the kernel's (path_resolution(7))
    private byte[]? _cachedPath;
    private int _cachedDirectory;

    private int ParentOf(EntryPath path)
    {
        var parent = path.ParentBytes;
        if (parent.IsEmpty)
            return LayerTree.Root;
        if (_cachedPath is not null && parent.SequenceEqual(_cachedPath))
            return _cachedDirectory;
        int directory = Walk(EntryPath.Create(parent), DirectoryMarks.None);
        _cachedPath = parent.ToArray();
        _cachedDirectory = directory;
        return directory;
    }

    /// <summary>
    /// Goes down a path component by component: follows links of this layer, makes missing directories, replaces what is in the way.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <param name="marks">What directories that are made get beside being implied.</param>
    private int Walk(EntryPath path, DirectoryMarks marks)
    {
        int here = LayerTree.Root;
        int links = 0;
        var rest = new Stack<byte[]>();
        Push(rest, path.Bytes);
        int maxDepth = Math.Max(path.Depth, LayerLimits.Default.MaxPathDepth);
        while (rest.TryPop(out byte[]? name))
        {
            if (name.AsSpan().SequenceEqual(".."u8))
            {
                here = Math.Max(_tree.Directory(here).Parent, LayerTree.Root);
                continue;
            }
            int node = _tree.Find(here, name);
            var kind = node == LayerTree.None ? TreeNodeKind.Gone : _tree.Node(node).Kind;
            if (kind == TreeNodeKind.Directory)
            {
                here = (int)_tree.Node(node).Value;
                if ((marks & DirectoryMarks.AsBelow) == 0)
                    _tree.Directory(here).Flags &= ~DirectoryMarks.AsBelow;
            }
            else if (kind == TreeNodeKind.Symlink)
            {
                if (++links > MaxLinks)
                    throw StrataException.InvalidArgument($"The layer was refused: the path {path} leads through too many symbolic links.");
                var target = _tree.TargetOf(node);
                if (target.StartsWith("/"u8))
                    here = LayerTree.Root;
                Push(rest, target);
                if (rest.Count > maxDepth)
                    throw StrataException.InvalidArgument($"The layer was refused: a path through the symbolic link {path} has more than {maxDepth} components.");
            }
            else
            {
                here = MakeDirectory(here, name, DirectoryMarks.Implied | (node == LayerTree.None ? marks : DirectoryMarks.Opaque | DirectoryMarks.Replaces));
            }
        }
        return here;
    }

    private int MakeDirectory(int parent, ReadOnlySpan<byte> name, DirectoryMarks flags)
    {
        Displace(parent, name);
        return _tree.AddDirectory(parent, name, flags);
    }

    /// <summary>The entry that a path leads to through this layer's own links, nothing made; the last component is not followed.</summary>
    private int FindTarget(EntryPath path)
    {
        int directory = Follow(path.Parent, out var missing);
        if (missing is not null)
            return LayerTree.None;
        int node = _tree.Find(directory, path.Name);
        return node != LayerTree.None && _tree.Node(node).Kind != TreeNodeKind.Whiteout ? node : LayerTree.None;
    }

    /// <summary>A path with this layer's own links followed, the last component left as it is.</summary>
    private EntryPath ActualPath(EntryPath path)
    {
        int directory = Follow(path.Parent, out var missing);
        var actual = _tree.PathOf(directory);
        foreach (byte[] name in missing ?? [])
            actual = actual.Child(name);
        return actual.Child(path.Name);
    }

    /// <summary>Goes as far down a path as this layer has directories.</summary>
    /// <param name="path">The path.</param>
    /// <param name="missing">What is left of it where there is no directory in this layer; null: nothing.</param>
    /// <returns>The last directory.</returns>
    private int Follow(EntryPath path, out Stack<byte[]>? missing)
    {
        int here = LayerTree.Root;
        int links = 0;
        var rest = new Stack<byte[]>();
        Push(rest, path.Bytes);
        while (rest.TryPop(out byte[]? name))
        {
            if (name.AsSpan().SequenceEqual(".."u8))
            {
                here = Math.Max(_tree.Directory(here).Parent, LayerTree.Root);
                continue;
            }
            int node = _tree.Find(here, name);
            var kind = node == LayerTree.None ? TreeNodeKind.Gone : _tree.Node(node).Kind;
            if (kind == TreeNodeKind.Directory)
            {
                here = (int)_tree.Node(node).Value;
            }
            else if (kind == TreeNodeKind.Symlink && ++links <= MaxLinks && rest.Count <= LayerLimits.Default.MaxPathDepth)
            {
                var target = _tree.TargetOf(node);
                if (target.StartsWith("/"u8))
                    here = LayerTree.Root;
                Push(rest, target);
            }
            else
            {
                rest.Push(name);
                missing = rest;
                return here;
            }
        }
        missing = null;
        return here;
    }

    private static void Push(Stack<byte[]> rest, ReadOnlySpan<byte> path)
    {
        while (!path.IsEmpty)
        {
            int slash = path.LastIndexOf((byte)'/');
            var part = path[(slash + 1)..];
            path = slash < 0 ? default : path[..slash];
            if (!part.IsEmpty && !part.SequenceEqual("."u8))
                rest.Push(part.ToArray());
        }
    }
}
