using System.Buffers.Binary;

namespace Strata.Linux;

/// <summary>Subvolumes of btrfs (linux/btrfs.h, btrfs-ioctl(2)): made, snapshotted, destroyed, described.</summary>
public static unsafe class BtrfsCalls
{
    /// <summary>The inode number of every subvolume's root (BTRFS_FIRST_FREE_OBJECTID).</summary>
    public const ulong RootInode = 256;

    /// <summary>The tree of the roots of all trees (BTRFS_ROOT_TREE_OBJECTID).</summary>
    public const ulong RootTree = 1;

    /// <summary>The tree that finds subvolumes by their UUID (BTRFS_UUID_TREE_OBJECTID).</summary>
    public const ulong UuidTree = 9;

    /// <summary>The longest name of a subvolume, in bytes (BTRFS_SUBVOL_NAME_MAX; a directory takes no longer ones than 255).</summary>
    internal const int MaxName = 255;

    /// <summary>The size of struct btrfs_ioctl_vol_args and _v2, btrfs_ioctl_ino_lookup_user_args, btrfs_ioctl_get_subvol_rootref_args.</summary>
    internal const int ArgumentSize = 4096;

    private const nuint SubvolumeCreate = 0x50009418;
    private const nuint SnapshotCreate = 0x50009417;
    private const nuint SnapshotDestroy = 0x5000940F;
    private const nuint GetFlags = 0x80089419;
    private const nuint SetFlags = 0x4008941A;
    private const nuint InodeLookUpUser = 0xD000943E;
    private const nuint InodeLookUp = 0xD0009412;
    private const nuint GetRootReferences = 0xD000943D;
    private const nuint StartSync = 0x80089418;
    private const nuint WaitSync = 0x40089416;
    private const nuint FileSystemInfo = 0x8400941F;

    private const int NameOffsetV2 = 56;
    private const int FlagsOffsetV2 = 16;
    private const ulong ReadOnlyFlag = 2;

    // struct btrfs_root_item (linux/btrfs_tree.h), which is packed.
    private const int UuidOffset = 247;
    private const int ChangeTransactionOffset = 295;
    private const int OriginTransactionOffset = 303;

    /// <summary>The ID of the btrfs that an open file is on (BTRFS_IOC_FS_INFO, Linux 3.2).</summary>
    /// <exception cref="LinuxException">It is on none.</exception>
    public static Guid GetFileSystemId(FileDescriptor file)
    {
        Span<byte> info = stackalloc byte[1024]; // struct btrfs_ioctl_fs_info_args: the largest device's ID, their number, fsid
        info.Clear();
        fixed (byte* p = info)
        {
            if (Native.ioctl(file.Number, FileSystemInfo, (nuint)p) != 0)
                throw new LinuxException(Native.LastErrno, "ioctl BTRFS_IOC_FS_INFO");
        }
        return new Guid(info.Slice(16, 16), bigEndian: true);
    }

    /// <summary>Makes an empty subvolume (BTRFS_IOC_SUBVOL_CREATE_V2, Linux 3.6); its mode is 0777 less the umask.</summary>
    /// <param name="directory">The directory that it is made in, open for reading.</param>
    /// <param name="name">Its name.</param>
    public static Errno TryCreate(FileDescriptor directory, ReadOnlySpan<byte> name) => Call(directory, SubvolumeCreate, -1, false, name);

    /// <summary>Makes a snapshot (BTRFS_IOC_SNAP_CREATE_V2). What was written to the source is written out, and a transaction is committed: some milliseconds.</summary>
    /// <param name="source">The root directory of the subvolume.</param>
    /// <param name="directory">The directory that the snapshot is made in, open for reading.</param>
    /// <param name="name">Its name.</param>
    /// <param name="readOnly">True: nothing in it can be changed.</param>
    /// <remarks>Subvolumes inside the source are not in the snapshot: empty directories stand in their places.</remarks>
    public static Errno TrySnapshot(FileDescriptor source, FileDescriptor directory, ReadOnlySpan<byte> name, bool readOnly) =>
        Call(directory, SnapshotCreate, source.Number, readOnly, name);

    /// <summary>Destroys a subvolume (BTRFS_IOC_SNAP_DESTROY): it is gone at once, its space is freed in the background.</summary>
    /// <param name="directory">The directory that it is in.</param>
    /// <param name="name">Its name.</param>
    /// <returns>ENOTEMPTY: another subvolume is inside it. EBUSY: it is mounted. EROFS: what it is in is read-only.</returns>
    public static Errno TryDestroy(FileDescriptor directory, ReadOnlySpan<byte> name)
    {
        Span<byte> arguments = stackalloc byte[ArgumentSize];
        arguments.Clear();
        if (name.Length > MaxName)
            return Errno.ENAMETOOLONG;
        name.CopyTo(arguments[8..]);
        fixed (byte* p = arguments)
            return Native.ioctl(directory.Number, SnapshotDestroy, (nuint)p) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Tells whether a subvolume is read-only (BTRFS_IOC_SUBVOL_GETFLAGS).</summary>
    public static Errno TryGetReadOnly(FileDescriptor subvolume, out bool readOnly)
    {
        ulong flags;
        bool ok = Native.ioctl(subvolume.Number, GetFlags, (nuint)(&flags)) == 0;
        readOnly = ok && (flags & ReadOnlyFlag) != 0;
        return ok ? Errno.None : Native.LastErrno;
    }

    /// <summary>Makes a subvolume read-only, or writable again (BTRFS_IOC_SUBVOL_SETFLAGS).</summary>
    public static Errno TrySetReadOnly(FileDescriptor subvolume, bool readOnly)
    {
        ulong flags = readOnly ? ReadOnlyFlag : 0;
        return Native.ioctl(subvolume.Number, SetFlags, (nuint)(&flags)) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Describes a subvolume, from its item in the tree of roots (struct btrfs_root_item). Needs CAP_SYS_ADMIN.</summary>
    /// <remarks>
    /// As of the last commit. Not by BTRFS_IOC_GET_SUBVOL_INFO, which would need no capability: Linux 6.18 returns 1 from it and fills nothing in.
    /// </remarks>
    /// <param name="subvolume">Any file or directory in it.</param>
    /// <exception cref="LinuxException">PermissionDenied: the process lacks CAP_SYS_ADMIN.</exception>
    public static BtrfsSubvolumeInfo GetInfo(FileDescriptor subvolume)
    {
        Span<byte> arguments = stackalloc byte[ArgumentSize];
        arguments.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(arguments[8..], RootInode);
        fixed (byte* p = arguments)
        {
            if (Native.ioctl(subvolume.Number, InodeLookUp, (nuint)p) != 0)
                throw new LinuxException(Native.LastErrno, "ioctl BTRFS_IOC_INO_LOOKUP");
        }
        ulong tree = BinaryPrimitives.ReadUInt64LittleEndian(arguments);
        var (first, last) = (new BtrfsKey(tree, BtrfsTreeSearch.RootItem, 0), new BtrfsKey(tree, BtrfsTreeSearch.RootItem, ulong.MaxValue));
        using var search = new BtrfsTreeSearch(subvolume, RootTree, first, last);
        if (!search.MoveNext() || search.Data.Length < OriginTransactionOffset + 8)
            throw StrataException.Corrupt($"The btrfs tree of roots has no item for subvolume {tree}, or one of a form before Linux 3.6.");
        var item = search.Data;
        return new BtrfsSubvolumeInfo(
            tree, new Guid(item.Slice(UuidOffset, 16), bigEndian: true), new Guid(item.Slice(UuidOffset + 16, 16), bigEndian: true),
            BinaryPrimitives.ReadUInt64LittleEndian(item[ChangeTransactionOffset..]), BinaryPrimitives.ReadUInt64LittleEndian(item[OriginTransactionOffset..]));
    }

    /// <summary>Lists the subvolumes that lie directly in another one (BTRFS_IOC_GET_SUBVOL_ROOTREF, Linux 4.18).</summary>
    /// <param name="subvolume">Any file or directory in it.</param>
    /// <param name="nested">Each one's tree, and the inode number of the directory that it lies in.</param>
    public static Errno TryListNested(FileDescriptor subvolume, out List<(ulong Tree, ulong Directory)> nested)
    {
        nested = [];
        Span<byte> arguments = stackalloc byte[ArgumentSize];
        arguments.Clear();
        while (true)
        {
            int result;
            fixed (byte* p = arguments)
                result = Native.ioctl(subvolume.Number, GetRootReferences, (nuint)p);
            var errno = result == 0 ? Errno.None : Native.LastErrno;
            if (errno is not (Errno.None or Errno.EOVERFLOW)) // EOVERFLOW: there are more, and this much is filled
                return errno;
            int count = arguments[ArgumentSize - 8];
            for (int i = 0; i < count; i++)
            {
                var pair = arguments[(8 + (i * 16))..];
                nested.Add((BinaryPrimitives.ReadUInt64LittleEndian(pair), BinaryPrimitives.ReadUInt64LittleEndian(pair[8..])));
            }
            if (errno == Errno.None || count == 0)
                return Errno.None;
            BinaryPrimitives.WriteUInt64LittleEndian(arguments, nested[^1].Tree + 1);
        }
    }

    /// <summary>Where a subvolume lies in the one around it (BTRFS_IOC_INO_LOOKUP_USER, Linux 4.18).</summary>
    /// <param name="outer">The root directory of the subvolume around it.</param>
    /// <param name="nested">One that <see cref="TryListNested"/> told.</param>
    /// <param name="directory">The path of the directory that it lies in, without a slash at either end; empty: the root.</param>
    /// <param name="name">Its name there.</param>
    public static Errno TryFindNested(FileDescriptor outer, (ulong Tree, ulong Directory) nested, out byte[] directory, out byte[] name)
    {
        directory = name = [];
        Span<byte> arguments = stackalloc byte[ArgumentSize];
        arguments.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(arguments, nested.Directory);
        BinaryPrimitives.WriteUInt64LittleEndian(arguments[8..], nested.Tree);
        fixed (byte* p = arguments)
        {
            if (Native.ioctl(outer.Number, InodeLookUpUser, (nuint)p) != 0)
                return Native.LastErrno;
        }
        name = Text(arguments[16..272]);
        directory = Text(arguments[272..]);
        return Errno.None;

        static byte[] Text(ReadOnlySpan<byte> field) => field[..field.IndexOf((byte)0)].Trim((byte)'/').ToArray();
    }

    /// <summary>Commits what the file system has under way (BTRFS_IOC_START_SYNC, BTRFS_IOC_WAIT_SYNC): then searches see it. Data that is not written out yet is not waited for.</summary>
    public static Errno TryCommit(FileDescriptor file)
    {
        ulong transaction = 0;
        if (Native.ioctl(file.Number, StartSync, (nuint)(&transaction)) != 0)
            return Native.LastErrno;
        return Native.ioctl(file.Number, WaitSync, (nuint)(&transaction)) == 0 ? Errno.None : Native.LastErrno;
    }

    private static Errno Call(FileDescriptor directory, nuint request, int source, bool readOnly, ReadOnlySpan<byte> name)
    {
        if (name.Length > MaxName)
            return Errno.ENAMETOOLONG;
        Span<byte> arguments = stackalloc byte[ArgumentSize];
        arguments.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(arguments, source);
        BinaryPrimitives.WriteUInt64LittleEndian(arguments[FlagsOffsetV2..], readOnly ? ReadOnlyFlag : 0);
        name.CopyTo(arguments[NameOffsetV2..]);
        fixed (byte* p = arguments)
            return Native.ioctl(directory.Number, request, (nuint)p) == 0 ? Errno.None : Native.LastErrno;
    }
}
