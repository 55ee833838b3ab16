using System.Buffers.Binary;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>Where a subvolume and one that it descends from by snapshots can differ: found in what btrfs wrote since, not by walking.</summary>
/// <remarks>
/// <para>
/// A snapshot shares the blocks of its origin's tree, inode numbers and all. Every block that was written later has a later transaction in its
/// header, so a search with a least transaction reads those blocks only. In them each inode item tells the transaction that last changed the
/// inode; whatever changes a file's data, attributes or number of links changes it, and whatever makes or removes a name changes the
/// directory's. So what can differ is: at the names of old inodes that changed, and at any name in directories that changed. Inodes that are
/// new lie in directories that are new or changed.
/// </para>
/// <para>Memory: for each changed old inode its names, and the directories above them; more than <see cref="MaxInodes"/> and it is given up.</para>
/// </remarks>
internal sealed class BtrfsScope : ITreeScope
{
    /// <summary>So many changed inodes are nearly everything, and walking both trees costs no more.</summary>
    private const int MaxInodes = 200_000;

    /// <summary>In struct btrfs_inode_item: the transaction that made the inode, then that which last changed it.</summary>
    private const int GenerationOffset = 0;

    private const int TransactionOffset = 8;

    /// <summary>How many names it has.</summary>
    private const int LinksOffset = 40;
    private const int SizeOffset = 16;
    private const int AccessTimeOffset = 112;
    private const int ChangeTimeOffset = 124;
    private readonly HashSet<ulong> _changed = [];
    private readonly Dictionary<ulong, SortedSet<byte[]>> _names = [];
    private readonly Dictionary<ulong, byte[][]> _sorted = [];

    /// <inheritdoc/>
    public IReadOnlyList<byte[]>? NamesIn(ulong directoryInode)
    {
        if (_changed.Contains(directoryInode))
            return null;
        if (_sorted.TryGetValue(directoryInode, out byte[][]? sorted))
            return sorted;
        sorted = _names.TryGetValue(directoryInode, out var names) ? [.. names] : [];
        return _sorted[directoryInode] = sorted;
    }

    /// <inheritdoc/>
    public bool MayDiffer(ulong inode) => _changed.Contains(inode) || _names.ContainsKey(inode);

    /// <summary>Adds what changed in a tree after a transaction; false: too much.</summary>
    /// <param name="root">The root directory of a subvolume in which nothing is waiting to be written: a snapshot that was just made, or one that was read-only for long.</param>
    /// <param name="other">That of the other one.</param>
    /// <param name="after">The transaction in which the two trees were one.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal bool TryAdd(FileDescriptor root, FileDescriptor other, ulong after, CancellationToken cancellationToken)
    {
        var found = new Queue<ulong>();
        using (var search = new BtrfsTreeSearch(root, 0, new BtrfsKey(BtrfsCalls.RootInode, 0, 0), new BtrfsKey(ulong.MaxValue - 256, byte.MaxValue, ulong.MaxValue), after + 1))
        {
            // An inode's names follow it, in the same block if it has few: then nothing more need be asked for them.
            ulong current = 0;
            uint names = 0;
            while (search.MoveNext())
            {
                if (search.Key.ObjectId == current)
                    names -= Math.Min(names, AddNames(search, found));
                if (search.Key.Type != BtrfsTreeSearch.InodeItem || search.Data.Length < LinksOffset + 4)
                    continue;
                if (names > 0)
                    found.Enqueue(current);
                (current, names) = (0, 0);
                if (BinaryPrimitives.ReadUInt64LittleEndian(search.Data[TransactionOffset..]) <= after
                    || BinaryPrimitives.ReadUInt64LittleEndian(search.Data[GenerationOffset..]) > after)
                {
                    continue; // it only lies beside what changed; or it is new, and its directory tells
                }
                if (OnlyRead(other, search.Key, search.Data) || !_changed.Add(search.Key.ObjectId))
                    continue;
                if (_changed.Count > MaxInodes)
                    return false;
                current = search.Key.ObjectId;
                names = current == BtrfsCalls.RootInode ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(search.Data[LinksOffset..]);
            }
            if (names > 0)
                found.Enqueue(current);
        }
        while (found.TryDequeue(out ulong inode))
        {
            cancellationToken.ThrowIfCancellationRequested();
            FindNames(root, inode, found);
        }
        return true;
    }

    /// <summary>True if an inode differs from that of the other tree in nothing but when it was last read: what looks at a container changes the times of directories.</summary>
    private static bool OnlyRead(FileDescriptor other, BtrfsKey key, ReadOnlySpan<byte> item)
    {
        using var search = new BtrfsTreeSearch(other, 0, key, key);
        if (!search.MoveNext() || search.Data.Length != item.Length || item.Length < ChangeTimeOffset)
            return false;
        var before = search.Data;
        // Between the two transactions and the access time stands a number that every change counts up, even within one tick of the clock.
        return before[SizeOffset..AccessTimeOffset].SequenceEqual(item[SizeOffset..AccessTimeOffset]) && before[ChangeTimeOffset..].SequenceEqual(item[ChangeTimeOffset..]);
    }

    private void FindNames(FileDescriptor root, ulong inode, Queue<ulong> found)
    {
        if (inode == BtrfsCalls.RootInode)
            return;
        var first = new BtrfsKey(inode, BtrfsTreeSearch.InodeReference, 0);
        var last = new BtrfsKey(inode, BtrfsTreeSearch.InodeExtendedReference, ulong.MaxValue);
        using var search = new BtrfsTreeSearch(root, 0, first, last);
        while (search.MoveNext())
            AddNames(search, found);
    }

    /// <summary>Notes the names that an item tells, and that the directories that they are in lead to something; how many there were.</summary>
    private uint AddNames(BtrfsTreeSearch search, Queue<ulong> found)
    {
        // struct btrfs_inode_ref, one after the other: an index, the length of the name, the name. struct btrfs_inode_extref: the directory before them.
        int at = search.Key.Type switch
        {
            BtrfsTreeSearch.InodeReference => 0,
            BtrfsTreeSearch.InodeExtendedReference => 8,
            _ => -1,
        };
        uint count = 0;
        for (var data = search.Data; at >= 0 && data.Length >= at + 10; count++)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(data[(at + 8)..]);
            Add(at == 0 ? search.Key.Offset : BinaryPrimitives.ReadUInt64LittleEndian(data), data.Slice(at + 10, length), found);
            data = data[(at + 10 + length)..];
        }
        return count;
    }

    private void Add(ulong directory, ReadOnlySpan<byte> name, Queue<ulong> found)
    {
        if (!_names.TryGetValue(directory, out var names))
        {
            _names.Add(directory, names = new SortedSet<byte[]>(ByBytes.Instance));
            if (!_changed.Contains(directory)) // then it is, or was, in the queue by itself
                found.Enqueue(directory);
        }
        names.Add(name.ToArray());
    }

    private sealed class ByBytes : IComparer<byte[]>
    {
        internal static readonly ByBytes Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
