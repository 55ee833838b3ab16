namespace Strata.Drivers.Erofs;

/// <content>What hides the layers below.</content>
internal sealed partial class LayerIndexer
{
    private void AddOpaque(EntryPath path)
    {
        if (path.IsRoot)
        {
            _hidesRoot = true;
            return;
        }
        if (_below is null)
            return; // nothing lies below: a mark would only litter
        int directory = Walk(path, DirectoryMarks.None);
        _cachedPath = null;
        if (directory == LayerTree.Root)
            _hidesRoot = true;
        else
            _tree.Directory(directory).Flags |= DirectoryMarks.Opaque;
    }

    private void AddWhiteout(EntryPath path)
    {
        if (_below is null)
            return;
        int parent = Walk(path.Parent, DirectoryMarks.AsBelow);
        // What is made in a directory that hides what is below it is the layer's own.
        for (int at = parent; at != LayerTree.Root && _tree.HidesLower(parent); at = _tree.Directory(at).Parent)
            _tree.Directory(at).Flags &= ~DirectoryMarks.AsBelow;
        HideName(parent, path.Name);
    }

    private void HideName(int parent, ReadOnlySpan<byte> name)
    {
        int node = _tree.Find(parent, name);
        if (node == LayerTree.None)
        {
            _tree.Add(parent, name, TreeNodeKind.Whiteout, 0);
            _tree.Directory(parent).Flags |= DirectoryMarks.HasWhiteouts;
        }
        else if (_tree.Node(node).Kind == TreeNodeKind.Directory)
        {
            _tree.Directory((int)_tree.Node(node).Value).Flags |= DirectoryMarks.Opaque | DirectoryMarks.Replaces;
        }
        else
        {
            _tree.Node(node).RemovesLower = true; // this layer's own stays, and hides what is below
        }
    }

    /// <summary>True if this layer hides what the layers below have at a path.</summary>
    private bool IsHidden(EntryPath path)
    {
        if (_hidesRoot)
            return true;
        int here = LayerTree.Root;
        for (var rest = path.Bytes; !rest.IsEmpty;)
        {
            int slash = rest.IndexOf((byte)'/');
            int node = _tree.Find(here, slash < 0 ? rest : rest[..slash]);
            if (node == LayerTree.None)
                return false;
            if (_tree.Node(node).Kind != TreeNodeKind.Directory)
                return true;
            here = (int)_tree.Node(node).Value;
            if (slash < 0 || (_tree.Directory(here).Flags & DirectoryMarks.Opaque) != 0)
                return true;
            rest = rest[(slash + 1)..];
        }
        return false;
    }

    /// <summary>overlayfs merges roots whatever their marks say: all that the root has below is removed by name.</summary>
    private void HideRoot()
    {
        if (_below is null)
            return;
        foreach (byte[] name in _below.Value.RootNames())
            HideName(LayerTree.Root, name);
    }

    /// <summary>Takes back objects that were brought up for a hard link out of what a later entry of the layer hides after all.</summary>
    private void TakeBackObjects()
    {
        foreach (var (node, inode) in _broughtUp)
        {
            ref var brought = ref _tree.Node(node);
            bool hidden = brought.RemovesLower || _tree.HidesLower(brought.Directory) || (_hidesRoot && _below is not null);
            if (!hidden || brought.Kind == TreeNodeKind.Gone || brought.Value != inode)
                continue;
            Forget(node);
            byte[] name = _tree.NameOf(node).ToArray();
            int parent = brought.Directory;
            bool removed = brought.RemovesLower;
            _tree.Remove(node);
            if (removed && !_tree.HidesLower(parent))
                HideName(parent, name);
        }
    }

    /// <summary>
    /// Takes back directories that were only made since the layer names something in them that lies below, and that it hides with all below
    /// after all. The deepest, which were made last, first: each is empty if all that was in it is gone.
    /// </summary>
    private void TakeBackDirectories()
    {
        for (int directory = _tree.DirectoryCount - 1; directory > LayerTree.Root; directory--)
        {
            var (flags, parent) = (_tree.Directory(directory).Flags, _tree.Directory(directory).Parent);
            bool removed = (flags & DirectoryMarks.Replaces) != 0;
            if ((flags & DirectoryMarks.AsBelow) == 0 || !(removed || _tree.HidesLower(parent)) || !_tree.IsThere(directory)
                || _tree.ChildrenOf(directory).Any() || _below?.Value.FindDirectory(_tree.PathOf(directory)) is null)
                continue;
            int node = _tree.Directory(directory).Node;
            byte[] name = _tree.NameOf(node).ToArray();
            _tree.Remove(node);
            if (removed && !_tree.HidesLower(parent))
                HideName(parent, name);
        }
    }

    /// <summary>Whiteouts in directories where nothing lies below: overlayfs lists their names, since it reads such a directory as it is.</summary>
    private void DropIdleWhiteouts()
    {
        for (int directory = LayerTree.Root; directory < _tree.DirectoryCount; directory++)
        {
            if ((_tree.Directory(directory).Flags & DirectoryMarks.HasWhiteouts) == 0 || !_tree.IsThere(directory))
                continue;
            bool nothingBelow = _tree.HidesLower(directory)
                || (directory != LayerTree.Root && _below!.Value.FindDirectory(_tree.PathOf(directory)) is null);
            if (!nothingBelow)
                continue;
            foreach (int node in _tree.ChildrenOf(directory))
            {
                if (_tree.Node(node).Kind == TreeNodeKind.Whiteout)
                    _tree.Remove(node);
            }
        }
    }
}
