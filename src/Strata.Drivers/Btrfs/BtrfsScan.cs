using System.Buffers.Binary;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>Reads what btrfs wrote to a tree since a transaction, and compares each inode that changed with what it is in another tree.</summary>
/// <remarks>
/// Where everything was read and access times are written, nearly all blocks of the tree are young: then this is what comparing costs, most of it in the kernel's copying
/// of items. So the inode numbers are divided, and a few threads share them.
/// </remarks>
internal sealed class BtrfsScan
{
    private const int MaxThreads = 4;

    /// <summary>More parts than threads: what changed is not spread evenly.</summary>
    private const int Parts = 16;

    /// <summary>A smaller tree is read faster than threads are woken.</summary>
    private const ulong FewInodes = 4096;

    /// <summary>The greatest object number that is an inode's (BTRFS_LAST_FREE_OBJECTID).</summary>
    private const ulong LastInode = ulong.MaxValue - 256;

    private readonly FileDescriptor _root;
    private readonly FileDescriptor _other;
    private readonly bool _rootIsOld;
    private readonly ulong _after;
    private readonly int _most;
    private int _count;

    private BtrfsScan(FileDescriptor root, FileDescriptor other, bool rootIsOld, ulong after, int most)
    {
        _root = root;
        _other = other;
        _rootIsOld = rootIsOld;
        _after = after;
        _most = most;
    }

    /// <summary>Reads all; null: more inodes changed than were allowed.</summary>
    /// <param name="root">The root directory of the subvolume that is read. Nothing in it is waiting to be written.</param>
    /// <param name="other">That of the other one.</param>
    /// <param name="rootIsOld">True: the other one is the new tree.</param>
    /// <param name="after">The transaction in which the two were one.</param>
    /// <param name="most">How many inodes may have changed.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal static IReadOnlyList<Part>? Run(FileDescriptor root, FileDescriptor other, bool rootIsOld, ulong after, int most, CancellationToken cancellationToken)
    {
        var scan = new BtrfsScan(root, other, rootIsOld, after, most);
        ulong end = EndOfInodes(root);
        var parts = new Part[end <= FewInodes || Environment.ProcessorCount == 1 ? 1 : Parts];
        ulong step = (end / (ulong)parts.Length) + 1;
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(MaxThreads, Environment.ProcessorCount), CancellationToken = cancellationToken };
        try
        {
            if (parts.Length == 1)
                parts[0] = scan.Read(0, LastInode, cancellationToken);
            else
                Parallel.For(0, parts.Length, options, i => parts[i] = scan.Read((ulong)i * step, i == parts.Length - 1 ? LastInode : ((ulong)(i + 1) * step) - 1, cancellationToken));
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        return scan._count > most ? null : parts;
    }

    private Part Read(ulong first, ulong last, CancellationToken cancellationToken)
    {
        var part = new Part();
        ulong current = 0, onlyRead = 0, nextUsed = 0;
        uint names = 0;
        using var search = new BtrfsTreeSearch(_root, 0, new BtrfsKey(first, 0, 0), new BtrfsKey(last, byte.MaxValue, ulong.MaxValue), _after + 1);
        while (search.MoveNext())
        {
            var key = search.Key;
            if (key.ObjectId == current)
            {
                // An inode's names follow it, in the same block if it has few: then nothing more need be asked for them.
                foreach (var (directory, name) in BtrfsNames.In(key, search.Data))
                {
                    part.Names.Add((directory, name, current));
                    names -= Math.Min(names, 1);
                }
            }
            if (key.ObjectId == onlyRead && key.Type == BtrfsTreeSearch.ExtentData && BinaryPrimitives.ReadUInt64LittleEndian(search.Data) > _after)
            {
                onlyRead = 0;
                part.Changed.Add((key.ObjectId, default)); // written, though within one tick of the clock
                part.Unnamed.Add(key.ObjectId);
            }
            if (key.Type != BtrfsTreeSearch.InodeItem)
                continue;
            if (names > 0)
                part.Unnamed.Add(current);
            (current, onlyRead, names) = (0, 0, 0);
            var inode = new BtrfsInodeItem(search.Data);
            if (inode.Transaction <= _after)
                continue; // it only lies beside what changed
            cancellationToken.ThrowIfCancellationRequested();
            if (inode.Generation > _after)
            {
                // It is new, and its directory tells; unless another one had its number, which is given again after the greatest was removed.
                if (key.ObjectId >= nextUsed)
                    nextUsed = NextInode(_other, key.ObjectId) ?? ulong.MaxValue;
                if (nextUsed == key.ObjectId)
                    part.Changed.Add((key.ObjectId, default));
                continue;
            }
            if (Compare(key, inode) is not { } finding)
            {
                onlyRead = key.ObjectId;
                continue;
            }
            part.Changed.Add((key.ObjectId, finding));
            if (Interlocked.Increment(ref _count) > _most)
                return part;
            if (key.ObjectId != BtrfsCalls.RootInode) // the root's name is ".." in itself
                (current, names) = (key.ObjectId, inode.Links);
        }
        if (names > 0)
            part.Unnamed.Add(current);
        return part;
    }

    /// <summary>What an inode is compared with that of the other tree; null: it was only read.</summary>
    private BtrfsFinding? Compare(BtrfsKey key, BtrfsInodeItem item)
    {
        using var search = new BtrfsTreeSearch(_other, 0, key, key, onlyFirst: true);
        if (!search.MoveNext())
            return default(BtrfsFinding); // removed there
        var there = new BtrfsInodeItem(search.Data);
        if (BtrfsInodeItem.OnlyRead(item, there))
            return null;
        if (there.Generation != item.Generation)
            return default(BtrfsFinding);
        bool differ = _rootIsOld ? BtrfsInodeItem.Differ(item, there) : BtrfsInodeItem.Differ(there, item);
        if (differ)
            return new BtrfsFinding(NameFinding.Modified, item.IsDirectory);
        // Attributes may differ; but most directories, in which just a name came or went, have none.
        bool same = item.IsDirectory && !HasXattrs(_root, key.ObjectId) && !HasXattrs(_other, key.ObjectId);
        return same ? new BtrfsFinding(NameFinding.Same, true) : default(BtrfsFinding);
    }

    private static bool HasXattrs(FileDescriptor root, ulong inode)
    {
        var (first, last) = (new BtrfsKey(inode, BtrfsTreeSearch.Xattr, 0), new BtrfsKey(inode, BtrfsTreeSearch.Xattr, ulong.MaxValue));
        using var search = new BtrfsTreeSearch(root, 0, first, last, onlyFirst: true);
        return search.MoveNext();
    }

    /// <summary>The least number of an inode from a number on; null: there is none.</summary>
    private static ulong? NextInode(FileDescriptor root, ulong from)
    {
        using var search = new BtrfsTreeSearch(root, 0, new BtrfsKey(from, 0, 0), new BtrfsKey(LastInode, byte.MaxValue, ulong.MaxValue), onlyFirst: true);
        return search.MoveNext() ? search.Key.ObjectId : null;
    }

    /// <summary>A number above which there is no inode: at most twice the greatest one.</summary>
    private static ulong EndOfInodes(FileDescriptor root)
    {
        ulong end = FewInodes;
        while (end < LastInode / 2 && NextInode(root, end) is not null)
            end *= 2;
        return end;
    }

    /// <summary>What was found in a part of the inode numbers.</summary>
    internal sealed class Part
    {
        /// <summary>Inodes that are in both trees and changed.</summary>
        internal List<(ulong Inode, BtrfsFinding Finding)> Changed { get; } = [];

        /// <summary>Names of them.</summary>
        internal List<(ulong Directory, byte[] Name, ulong Inode)> Names { get; } = [];

        /// <summary>Those of them that have more names than were found.</summary>
        internal List<ulong> Unnamed { get; } = [];
    }
}
