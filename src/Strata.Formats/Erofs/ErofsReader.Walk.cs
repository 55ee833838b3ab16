namespace Strata.Formats.Erofs;

/// <content>The whole tree.</content>
public sealed partial class ErofsReader
{
    private const int MaxDepth = 4096;

    /// <summary>
    /// Everything in depth-first order, the root first, each name with its inode. Memory: 8 bytes and more for each directory, a block for each level.
    /// </summary>
    /// <exception cref="StrataException">Corrupt: something is broken, or a directory is met twice. Exhausted: more than 4,096 levels.</exception>
    public IEnumerable<ErofsWalkEntry> Walk()
    {
        var root = Root;
        var met = new HashSet<ulong> { root.Node.Nid };
        var open = new Stack<(EntryPath Path, ErofsNode Node, IEnumerator<ErofsDirectoryEntry> Entries)>();
        try
        {
            yield return new ErofsWalkEntry(EntryPath.Root, root, root.Node);
            open.Push((EntryPath.Root, root.Node, ReadDirectory(root).GetEnumerator()));
            while (open.TryPeek(out var top))
            {
                if (!top.Entries.MoveNext())
                {
                    open.Pop().Entries.Dispose();
                    continue;
                }
                var entry = top.Entries.Current;
                var path = top.Path.Child(entry.Name);
                var inode = ReadInode(entry.Node);
                if (inode.Kind != entry.Kind)
                    throw Broken(inode.Node, $"it is a {inode.Kind}, and its name {path} says {entry.Kind}");
                yield return new ErofsWalkEntry(path, inode, top.Node);
                if (inode.Kind != EntryKind.Directory)
                    continue;
                if (!met.Add(inode.Node.Nid))
                    throw Broken(inode.Node, $"the directory {path} has another name already");
                if (open.Count == MaxDepth)
                    throw StrataException.Exhausted($"The tree of the EROFS image has more than {MaxDepth} levels at {path}.");
                open.Push((path, inode.Node, ReadDirectory(inode).GetEnumerator()));
            }
        }
        finally
        {
            foreach (var level in open)
                level.Entries.Dispose();
        }
    }
}
