using System.Buffers.Binary;
using Strata.Linux;

namespace Strata.Drivers.Btrfs;

/// <summary>An inode as it stands in a btrfs tree (struct btrfs_inode_item, linux/btrfs_tree.h).</summary>
internal readonly ref struct BtrfsInodeItem(ReadOnlySpan<byte> item)
{
    private const int SizeOffset = 16;
    private const int LinksOffset = 40;
    private const int UserOffset = 44;
    private const int FlagsOffset = 64;
    private const int AccessTimeOffset = 112;
    private const int ChangeTimeOffset = 124;
    private const int ModificationTimeOffset = 136;
    private const int CreationTimeOffset = 148;
    private const int Length = 160;
    private readonly ReadOnlySpan<byte> _item = item.Length >= Length ? item : throw StrataException.Corrupt($"An inode item of btrfs has {item.Length} bytes, not {Length}.");

    /// <summary>The transaction that made the inode.</summary>
    internal ulong Generation => BinaryPrimitives.ReadUInt64LittleEndian(_item);

    /// <summary>The transaction that last changed it.</summary>
    internal ulong Transaction => BinaryPrimitives.ReadUInt64LittleEndian(_item[8..]);

    /// <summary>How many names it has.</summary>
    internal uint Links => BinaryPrimitives.ReadUInt32LittleEndian(_item[LinksOffset..]);

    internal bool IsDirectory => (BinaryPrimitives.ReadUInt32LittleEndian(_item[52..]) & NameCalls.TypeMask) == NameCalls.TypeDirectory;

    /// <summary>True if two differ in nothing but when they were read: what looks at a container changes the times of directories.</summary>
    /// <remarks>Between the two transactions and the access time stands a number that changes count up, even within one tick of the clock.</remarks>
    internal static bool OnlyRead(BtrfsInodeItem a, BtrfsInodeItem b) =>
        a._item[SizeOffset..AccessTimeOffset].SequenceEqual(b._item[SizeOffset..AccessTimeOffset]) && a._item[ChangeTimeOffset..].SequenceEqual(b._item[ChangeTimeOffset..]);

    /// <summary>True if what a comparer of trees compares certainly differs: what stat(2) tells of it.</summary>
    internal static bool Differ(BtrfsInodeItem before, BtrfsInodeItem now) =>
        // Owner, group, mode and device stand side by side.
        !before._item[UserOffset..FlagsOffset].SequenceEqual(now._item[UserOffset..FlagsOffset])
        || (!now.IsDirectory && (now.Links > before.Links
            || !before._item[SizeOffset..(SizeOffset + 8)].SequenceEqual(now._item[SizeOffset..(SizeOffset + 8)])
            || !before._item[ModificationTimeOffset..CreationTimeOffset].SequenceEqual(now._item[ModificationTimeOffset..CreationTimeOffset])));
}
