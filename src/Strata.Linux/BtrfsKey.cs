namespace Strata.Linux;

/// <summary>The key of an item in a btrfs tree (struct btrfs_key): ordered by its three parts, the first one first.</summary>
/// <param name="ObjectId">The object: for a file tree an inode number.</param>
/// <param name="Type">The type of item, 0 to 255.</param>
/// <param name="Offset">What it means depends on the type.</param>
public readonly record struct BtrfsKey(ulong ObjectId, int Type, ulong Offset) : IComparable<BtrfsKey>
{
    /// <summary>The next greater key; null: there is none.</summary>
    public BtrfsKey? Next() =>
        Offset < ulong.MaxValue ? this with { Offset = Offset + 1 }
        : Type < byte.MaxValue ? new BtrfsKey(ObjectId, Type + 1, 0)
        : ObjectId < ulong.MaxValue ? new BtrfsKey(ObjectId + 1, 0, 0)
        : null;

    /// <inheritdoc/>
    public int CompareTo(BtrfsKey other)
    {
        int order = ObjectId.CompareTo(other.ObjectId);
        if (order == 0)
            order = Type.CompareTo(other.Type);
        return order != 0 ? order : Offset.CompareTo(other.Offset);
    }

    /// <inheritdoc/>
    public static bool operator <(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) < 0;

    /// <inheritdoc/>
    public static bool operator <=(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) <= 0;

    /// <inheritdoc/>
    public static bool operator >(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) > 0;

    /// <inheritdoc/>
    public static bool operator >=(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) >= 0;
}
