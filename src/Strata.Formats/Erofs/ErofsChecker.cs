namespace Strata.Formats.Erofs;

/// <summary>Looks at everything in an image: whether every inode can be read, data lies inside, names are in order, link counts are right.</summary>
public static class ErofsChecker
{
    /// <summary>Checks an image.</summary>
    /// <param name="reader">The image.</param>
    /// <param name="cancellationToken">Checked at every entry.</param>
    /// <returns>What was found in it. Memory: some 30 bytes for each inode.</returns>
    /// <exception cref="StrataException">Corrupt: what is wrong. NotSupported: what this reader does not know.</exception>
    public static ErofsContents Check(ErofsReader reader, CancellationToken cancellationToken = default)
    {
        var names = new Dictionary<ulong, uint>();
        long entries = 0;
        long directories = 0;
        long contentBytes = 0;
        foreach (var (path, inode, parent) in reader.Walk())
        {
            cancellationToken.ThrowIfCancellationRequested();
            entries++;
            if (inode.Kind == EntryKind.Directory)
            {
                directories++;
                CheckDirectory(reader, path, inode, parent);
                continue;
            }
            uint before = names.GetValueOrDefault(inode.Node.Nid);
            names[inode.Node.Nid] = before + 1;
            if (before > 0 || inode.Kind != EntryKind.RegularFile)
                continue;
            foreach (var extent in reader.Extents(inode))
                contentBytes += extent.LengthBytes;
        }
        foreach (var (nid, found) in names)
        {
            uint said = reader.ReadInode(new ErofsNode(nid)).LinkCount;
            if (said != found)
                throw StrataException.Corrupt($"Inode {nid} of the EROFS image has {found} names and says {said}.");
        }
        ulong inodes = (ulong)(names.Count + directories);
        if (reader.Superblock.Inodes < inodes)
            throw StrataException.Corrupt($"The superblock of the EROFS image says {reader.Superblock.Inodes} inodes, and there are {inodes}.");
        return new ErofsContents(entries, (long)inodes, contentBytes);
    }

    private static void CheckDirectory(ErofsReader reader, EntryPath path, ErofsInode directory, ErofsNode parent)
    {
        byte[]? before = null;
        uint children = 0;
        int dots = 0;
        foreach (var entry in reader.ReadDirectoryWithDots(directory))
        {
            if (before is not null && before.AsSpan().SequenceCompareTo(entry.Name) >= 0)
                throw Broken(path, $"the name '{EntryPath.Display(entry.Name)}' is out of order");
            before = entry.Name;
            if (!entry.IsDot)
            {
                children += entry.Kind == EntryKind.Directory ? 1u : 0;
                continue;
            }
            dots++;
            var expected = entry.Name.Length == 1 ? directory.Node : parent;
            if (entry.Kind != EntryKind.Directory || entry.Node != expected)
                throw Broken(path, $"its '{EntryPath.Display(entry.Name)}' is inode {entry.Node.Nid}, not {expected.Nid}");
        }
        if (dots != 2)
            throw Broken(path, "it has no '.' or no '..'");
        if (directory.LinkCount != children + 2)
            throw Broken(path, $"it has {children} directories in it and says {directory.LinkCount} links");
    }

    private static StrataException Broken(EntryPath path, string why) =>
        StrataException.Corrupt($"The directory {path} of the EROFS image is broken: {why}. Make the image anew.");
}
