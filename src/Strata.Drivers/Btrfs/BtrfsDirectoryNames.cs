using System.Buffers.Binary;
using Strata.Linux;

namespace Strata.Drivers.Btrfs;

/// <summary>Which names differ in a directory of two btrfs trees, read from the trees (struct btrfs_dir_item, linux/btrfs_tree.h).</summary>
/// <remarks>
/// The names of a directory stand in the order in which they were made, under a number each. What is common to a snapshot and its origin has the same number, inode and
/// transaction in both, so that the two lists are merged as they are read: only what differs is kept.
/// </remarks>
internal static class BtrfsDirectoryNames
{
    private const int TypeOffset = 29;
    private const int NameOffset = 30;
    private const int DirectoryType = 2; // BTRFS_FT_DIR
    private const int TypeMask = 0x7F; // BTRFS_FT_ENCRYPTED is above it

    /// <summary>One name in one tree.</summary>
    /// <param name="Inode">Its inode; 0: a subvolume, or none in this tree.</param>
    /// <param name="Exists">It is in this tree.</param>
    /// <param name="IsDirectory">It is a directory.</param>
    internal readonly record struct Side(ulong Inode, bool Exists, bool IsDirectory);

    /// <summary>The names that are not the same in both trees.</summary>
    /// <param name="before">The root of the old tree.</param>
    /// <param name="now">That of the new one.</param>
    /// <param name="directory">The directory's inode number.</param>
    internal static SortedDictionary<byte[], (Side Before, Side Now)> FindDifferent(FileDescriptor before, FileDescriptor now, ulong directory)
    {
        var (first, last) = (new BtrfsKey(directory, BtrfsTreeSearch.DirectoryIndex, 0), new BtrfsKey(directory, BtrfsTreeSearch.DirectoryIndex, ulong.MaxValue));
        using var old = new BtrfsTreeSearch(before, 0, first, last);
        using var made = new BtrfsTreeSearch(now, 0, first, last);
        var different = new SortedDictionary<byte[], (Side Before, Side Now)>(ByBytes.Instance);
        bool oldLeft = old.MoveNext(), newLeft = made.MoveNext();
        while (oldLeft || newLeft)
        {
            int order = !oldLeft ? 1 : !newLeft ? -1 : old.Key.CompareTo(made.Key);
            if (order != 0 || !old.Data.SequenceEqual(made.Data))
            {
                if (order <= 0)
                    different[NameOf(old.Data)] = different.TryGetValue(NameOf(old.Data), out var found) ? found with { Before = SideOf(old.Data) } : (SideOf(old.Data), default);
                if (order >= 0)
                    different[NameOf(made.Data)] = different.TryGetValue(NameOf(made.Data), out var found) ? found with { Now = SideOf(made.Data) } : (default, SideOf(made.Data));
            }
            if (order <= 0)
                oldLeft = old.MoveNext();
            if (order >= 0)
                newLeft = made.MoveNext();
        }
        return different;
    }

    private static byte[] NameOf(ReadOnlySpan<byte> item) => item.Slice(NameOffset, BinaryPrimitives.ReadUInt16LittleEndian(item[27..])).ToArray();

    private static Side SideOf(ReadOnlySpan<byte> item) =>
        new(item[8] == BtrfsTreeSearch.InodeItem ? BinaryPrimitives.ReadUInt64LittleEndian(item) : 0, true, (item[TypeOffset] & TypeMask) == DirectoryType);
}
