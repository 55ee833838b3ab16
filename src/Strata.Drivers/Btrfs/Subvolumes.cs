using System.Buffers.Binary;
using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>What is done with whole subvolumes, by their paths.</summary>
internal static class Subvolumes
{
    private static readonly int OpenDirectory = OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow;

    /// <summary>Opens the root directory of a subvolume.</summary>
    internal static FileDescriptor Open(string path) => FileCalls.Open(path, OpenDirectory);

    /// <summary>Makes an empty subvolume, mode 0755.</summary>
    internal static void Create(string directory, string name)
    {
        using var parent = Open(directory);
        Check(BtrfsCalls.TryCreate(parent, Encoding.UTF8.GetBytes(name)), "create subvolume", Path.Combine(directory, name));
        using var made = Open(Path.Combine(directory, name));
        Check(AttributeCalls.TryChmod(made.Number, 0x1ED), "chmod", Path.Combine(directory, name)); // whatever the umask
    }

    /// <summary>Makes a snapshot; subvolumes inside the source are empty directories in it.</summary>
    internal static void Snapshot(FileDescriptor source, string directory, string name, bool readOnly)
    {
        using var parent = Open(directory);
        Check(BtrfsCalls.TrySnapshot(source, parent, Encoding.UTF8.GetBytes(name), readOnly), "snapshot into", Path.Combine(directory, name));
    }

    /// <summary>Puts snapshots of the subvolumes inside a source into their places in a snapshot of it, so that it shows all that the source shows.</summary>
    internal static void SnapshotNested(FileDescriptor source, FileDescriptor snapshot)
    {
        foreach (var (directory, name, _) in Nested(source))
        {
            using var from = OpenIn(source, directory);
            using var to = OpenIn(snapshot, directory);
            using var nested = FileCalls.OpenAt(from, name, OpenDirectory);
            Check(NameCalls.TryRemoveDirectory(to.Number, name), "rmdir", EntryPath.Display(name));
            Check(BtrfsCalls.TrySnapshot(nested, to, name, readOnly: false), "snapshot into", EntryPath.Display(name));
            using var made = FileCalls.OpenAt(to, name, OpenDirectory);
            SnapshotNested(nested, made);
        }
    }

    /// <summary>True if subvolumes lie inside this one.</summary>
    internal static bool HasNested(FileDescriptor subvolume)
    {
        Check(BtrfsCalls.TryListNested(subvolume, out var nested), "ioctl BTRFS_IOC_GET_SUBVOL_ROOTREF", null);
        return nested.Count > 0;
    }

    /// <summary>True if a path is the root of a subvolume.</summary>
    internal static bool Is(string path) =>
        AttributeCalls.FindStatus(path) is { IsDirectory: true, Inode: BtrfsCalls.RootInode } && FsMagic.Of(path) == FsMagic.Btrfs;

    /// <summary>Removes a subvolume with all that are inside it, read-only or not; or a directory, subvolumes directly in it included. Nothing there is no error.</summary>
    internal static void Remove(string path)
    {
        if (Is(path))
        {
            Destroy(path);
            return;
        }
        if (Directory.Exists(path))
        {
            foreach (string child in Directory.EnumerateDirectories(path))
            {
                if (Is(child))
                    Destroy(child);
            }
        }
        TreeRemover.Remove(path);
    }

    /// <summary>The layer whose subvolume has a UUID, if it lies in a directory; null: there is none, or the process may not search.</summary>
    internal static LayerId? Find(string directory, Guid uuid)
    {
        if (uuid == Guid.Empty)
            return null;
        Span<byte> bytes = stackalloc byte[16];
        uuid.TryWriteBytes(bytes, bigEndian: true, out _);
        var key = new BtrfsKey(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BtrfsTreeSearch.UuidSubvolume, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
        using var file = Open(directory);
        using var trees = new BtrfsTreeSearch(file, BtrfsCalls.UuidTree, key, key);
        if (!trees.MoveNext() || trees.Data.Length < 8)
            return null;
        ulong tree = BinaryPrimitives.ReadUInt64LittleEndian(trees.Data);
        var (first, last) = (new BtrfsKey(tree, BtrfsTreeSearch.RootBackReference, 0), new BtrfsKey(tree, BtrfsTreeSearch.RootBackReference, ulong.MaxValue));
        using var places = new BtrfsTreeSearch(file, BtrfsCalls.RootTree, first, last);
        // struct btrfs_root_ref: the directory, a number, the length of the name, the name.
        if (!places.MoveNext() || places.Data.Length <= 18 || !LayerId.TryParse(Encoding.UTF8.GetString(places.Data[18..]), out var id))
            return null;
        return Is(Path.Combine(directory, id.ToString())) && InfoOf(Path.Combine(directory, id.ToString())).Uuid == uuid ? id : null;
    }

    /// <summary>What btrfs tells of a subvolume.</summary>
    internal static BtrfsSubvolumeInfo InfoOf(string path)
    {
        using var subvolume = Open(path);
        return InfoOf(subvolume);
    }

    /// <summary>What btrfs tells of an open subvolume.</summary>
    internal static BtrfsSubvolumeInfo InfoOf(FileDescriptor subvolume) => BtrfsCalls.GetInfo(subvolume);

    /// <summary>True if nothing in a subvolume can be changed.</summary>
    internal static bool IsReadOnly(FileDescriptor subvolume)
    {
        Check(BtrfsCalls.TryGetReadOnly(subvolume, out bool readOnly), "ioctl BTRFS_IOC_SUBVOL_GETFLAGS", null);
        return readOnly;
    }

    /// <summary>Throws if a call failed.</summary>
    internal static void Check(Errno errno, string call, string? path)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, path);
    }

    private static void Destroy(string path)
    {
        try
        {
            using var subvolume = Open(path);
            DestroyNested(subvolume);
            using var parent = Open(Path.GetDirectoryName(path)!);
            Check(BtrfsCalls.TryDestroy(parent, Encoding.UTF8.GetBytes(Path.GetFileName(path))), "destroy subvolume", path);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            // somebody else was faster
        }
    }

    private static void DestroyNested(FileDescriptor subvolume)
    {
        var nested = Nested(subvolume);
        if (nested.Count > 0 && IsReadOnly(subvolume))
            Check(BtrfsCalls.TrySetReadOnly(subvolume, false), "ioctl BTRFS_IOC_SUBVOL_SETFLAGS", null);
        foreach (var (path, name, _) in nested)
        {
            using var directory = OpenIn(subvolume, path);
            using (var inner = FileCalls.OpenAt(directory, name, OpenDirectory))
                DestroyNested(inner);
            Check(BtrfsCalls.TryDestroy(directory, name), "destroy subvolume", EntryPath.Display(name));
        }
    }

    private static List<(byte[] Directory, byte[] Name, ulong Tree)> Nested(FileDescriptor subvolume)
    {
        Check(BtrfsCalls.TryListNested(subvolume, out var trees), "ioctl BTRFS_IOC_GET_SUBVOL_ROOTREF", null);
        var nested = new List<(byte[], byte[], ulong)>(trees.Count);
        foreach (var tree in trees)
        {
            var errno = BtrfsCalls.TryFindNested(subvolume, tree, out byte[] directory, out byte[] name);
            if (errno == Errno.ENOENT)
                continue; // destroyed meanwhile
            Check(errno, "ioctl BTRFS_IOC_INO_LOOKUP_USER", null);
            nested.Add((directory, name, tree.Tree));
        }
        return nested;
    }

    /// <summary>Opens a directory by its path inside a subvolume; a link that was put in its way leads nowhere else.</summary>
    private static FileDescriptor OpenIn(FileDescriptor subvolume, byte[] path)
    {
        var errno = RootedCalls.TryOpenInRoot(subvolume.Number, path.Length == 0 ? "."u8 : path, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var file);
        Check(errno, "openat2", EntryPath.Display(path));
        return file!;
    }
}
