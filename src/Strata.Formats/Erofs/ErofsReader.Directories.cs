namespace Strata.Formats.Erofs;

/// <content>Directories.</content>
public sealed partial class ErofsReader
{
    /// <summary>A directory's entries in order, without <c>.</c> and <c>..</c>. Lazy: errors come while it is enumerated.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no directory. Corrupt: it is broken.</exception>
    public IEnumerable<ErofsDirectoryEntry> ReadDirectory(ErofsInode directory) => ReadDirectoryWithDots(directory).Where(entry => !entry.IsDot);

    /// <summary>A directory's entries in order, <c>.</c> and <c>..</c> among them. Lazy: errors come while it is enumerated.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no directory. Corrupt: it is broken.</exception>
    public IEnumerable<ErofsDirectoryEntry> ReadDirectoryWithDots(ErofsInode directory)
    {
        RequireDirectory(directory);
        byte[] block = new byte[Superblock.BlockBytes];
        long blocks = BlocksOf(directory);
        for (long i = 0; i < blocks; i++)
        {
            int length = Read(directory, i << Superblock.BlockBits, block);
            int count = new DirectoryBlock(block.AsSpan(0, length), directory.Node).Count;
            for (int k = 0; k < count; k++)
                yield return Entry(new DirectoryBlock(block.AsSpan(0, length), directory.Node), k);
        }
    }

    /// <summary>Looks a name up, by halving as the kernel does; false: there is none.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no directory. Corrupt: it is broken.</exception>
    public bool TryFind(ErofsInode directory, ReadOnlySpan<byte> name, out ErofsDirectoryEntry entry)
    {
        RequireDirectory(directory);
        byte[] bytes = new byte[Superblock.BlockBytes];
        long low = 0;
        long high = BlocksOf(directory) - 1;
        long candidate = -1;
        while (low <= high)
        {
            long middle = low + ((high - low) / 2);
            int order = name.SequenceCompareTo(ReadBlock(directory, middle, bytes).Name(0));
            if (order >= 0)
                candidate = middle;
            if (order >= 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        entry = default;
        if (candidate < 0)
            return false;
        var block = ReadBlock(directory, candidate, bytes);
        int first = 0;
        for (int last = block.Count - 1; first <= last;)
        {
            int middle = first + ((last - first) / 2);
            int order = name.SequenceCompareTo(block.Name(middle));
            if (order == 0)
            {
                entry = Entry(block, middle);
                return true;
            }
            if (order > 0)
                first = middle + 1;
            else
                last = middle - 1;
        }
        return false;
    }

    private static ErofsDirectoryEntry Entry(DirectoryBlock block, int index) => new(block.Name(index).ToArray(), block.Node(index), block.Kind(index));

    private void RequireDirectory(ErofsInode inode)
    {
        if (inode.Kind != EntryKind.Directory)
            throw StrataException.InvalidArgument($"Inode {inode.Node.Nid} of the EROFS image is a {inode.Kind}, no directory.");
        if (inode.SizeBytes > _length)
            throw Broken(inode.Node, $"a directory of {inode.SizeBytes} bytes is larger than the image");
    }

    private long BlocksOf(ErofsInode directory) => (directory.SizeBytes + Superblock.BlockBytes - 1) >> Superblock.BlockBits;

    private DirectoryBlock ReadBlock(ErofsInode directory, long number, byte[] bytes) =>
        new(bytes.AsSpan(0, Read(directory, number << Superblock.BlockBits, bytes)), directory.Node);
}
