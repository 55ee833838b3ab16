using System.Buffers;
using Strata.Formats.Erofs;

namespace Strata.Drivers.Erofs;

/// <summary>Writes the directories of a tree into an image in which all else is already.</summary>
/// <param name="tree">The tree.</param>
/// <param name="image">The image.</param>
internal sealed class LayerTreeImage(LayerTree tree, ErofsImageWriter image)
{
    private ErofsNode _whiteout;

    /// <summary>Plans and writes all directories that are there, and completes the image.</summary>
    /// <param name="settle">What a directory is in the end. Called for each once, those above it first.</param>
    /// <param name="links">How many names an inode has, where that is not one.</param>
    internal void Write(Func<int, ErofsAttributes> settle, IReadOnlyDictionary<uint, uint> links)
    {
        var order = Plan(settle);
        foreach (int directory in order)
            Write(directory);
        foreach (var (inode, count) in links)
        {
            if (count > 1)
                image.SetLinkCount(new ErofsNode(inode), count);
        }
        image.Complete(tree.Directory(LayerTree.Root).Inode);
    }

    private List<int> Plan(Func<int, ErofsAttributes> settle)
    {
        var order = new List<int>();
        uint whiteouts = 0;
        for (int directory = LayerTree.Root; directory < tree.DirectoryCount; directory++)
        {
            if (!tree.IsThere(directory))
                continue;
            order.Add(directory);
            int entries = 0;
            long nameBytes = 0;
            uint subdirectories = 0;
            foreach (int node in tree.ChildrenOf(directory))
            {
                entries++;
                nameBytes += tree.NameOf(node).Length;
                if (tree.Node(node).Kind == TreeNodeKind.Directory)
                    subdirectories++;
                else if (tree.Node(node).Kind == TreeNodeKind.Whiteout)
                    whiteouts++;
            }
            var attributes = settle(directory);
            ref var planned = ref tree.Directory(directory);
            planned.Subdirectories = subdirectories;
            planned.Inode = image.PlanDirectory(attributes, entries, nameBytes);
        }
        if (whiteouts > 0)
        {
            // One inode for all, as overlayfs itself has it.
            _whiteout = image.AddDevice(new ErofsAttributes(0, 0, 0, default, []), EntryKind.CharDevice, 0, 0);
            image.SetLinkCount(_whiteout, whiteouts);
        }
        return order;
    }

    private void Write(int directory)
    {
        int count = 0;
        foreach (int _ in tree.ChildrenOf(directory))
            count++;
        int[] nodes = ArrayPool<int>.Shared.Rent(count);
        try
        {
            int at = 0;
            foreach (int node in tree.ChildrenOf(directory))
                nodes[at++] = node;
            nodes.AsSpan(0, count).Sort((a, b) => tree.NameOf(a).SequenceCompareTo(tree.NameOf(b)));
            var parent = tree.Directory(directory == LayerTree.Root ? LayerTree.Root : tree.Directory(directory).Parent).Inode;
            image.WriteDirectory(tree.Directory(directory).Inode, parent, 2 + tree.Directory(directory).Subdirectories, Children(nodes, count));
        }
        finally
        {
            ArrayPool<int>.Shared.Return(nodes);
        }
    }

    private IEnumerable<ErofsChild> Children(int[] nodes, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var (kind, value) = (tree.Node(nodes[i]).Kind, tree.Node(nodes[i]).Value);
            var inode = kind switch
            {
                TreeNodeKind.Directory => tree.Directory((int)value).Inode,
                TreeNodeKind.Whiteout => _whiteout,
                _ => new ErofsNode(value),
            };
            yield return new ErofsChild(tree.NameMemoryOf(nodes[i]), inode, EntryKindOf(kind));
        }
    }

    private static EntryKind EntryKindOf(TreeNodeKind kind) => kind switch
    {
        TreeNodeKind.File => EntryKind.RegularFile,
        TreeNodeKind.Directory => EntryKind.Directory,
        TreeNodeKind.Symlink => EntryKind.Symlink,
        TreeNodeKind.BlockDevice => EntryKind.BlockDevice,
        TreeNodeKind.Fifo => EntryKind.Fifo,
        _ => EntryKind.CharDevice,
    };
}
