using System.Buffers.Binary;
using Strata.Linux;

namespace Strata.Drivers.Btrfs;

/// <summary>The names of an inode that an item of a btrfs tree tells, one after the other (struct btrfs_inode_ref, btrfs_inode_extref, linux/btrfs_tree.h).</summary>
internal ref struct BtrfsNames
{
    private readonly BtrfsKey _key;
    private readonly int _headLength;
    private ReadOnlySpan<byte> _left;
    private ReadOnlySpan<byte> _name;
    private ulong _directory;

    private BtrfsNames(BtrfsKey key, ReadOnlySpan<byte> data)
    {
        _key = key;
        // An index and the length of the name before each; the directory before them if the key does not tell it.
        _headLength = key.Type == BtrfsTreeSearch.InodeReference ? 10 : 18;
        _left = key.Type is BtrfsTreeSearch.InodeReference or BtrfsTreeSearch.InodeExtendedReference ? data : default;
    }

    /// <summary>A name, and the inode number of its directory.</summary>
    public readonly (ulong Directory, byte[] Name) Current => (_directory, _name.ToArray());

    /// <summary>Those in an item; none if it is another type of item.</summary>
    internal static BtrfsNames In(BtrfsKey key, ReadOnlySpan<byte> data) => new(key, data);

    public readonly BtrfsNames GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_left.Length < _headLength)
            return false;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(_left[(_headLength - 2)..]);
        _directory = _headLength == 10 ? _key.Offset : BinaryPrimitives.ReadUInt64LittleEndian(_left);
        _name = _left.Slice(_headLength, length);
        _left = _left[(_headLength + length)..];
        return true;
    }
}
