namespace Strata.Linux;

/// <summary>mkdirat(2), mknodat(2), symlinkat(2), linkat(2), unlinkat(2), renameat2(2), readlinkat(2): what changes names in directories.</summary>
public static unsafe class NameCalls
{
    /// <summary>The type bits of a mode (inode(7)).</summary>
    public const int TypeMask = 0xF000;

    /// <summary>A fifo.</summary>
    public const int TypeFifo = 0x1000;

    /// <summary>A character device.</summary>
    public const int TypeCharDevice = 0x2000;

    /// <summary>A directory.</summary>
    public const int TypeDirectory = 0x4000;

    /// <summary>A block device.</summary>
    public const int TypeBlockDevice = 0x6000;

    /// <summary>A regular file.</summary>
    public const int TypeRegular = 0x8000;

    /// <summary>A symbolic link.</summary>
    public const int TypeSymlink = 0xA000;

    /// <summary>A socket.</summary>
    public const int TypeSocket = 0xC000;

    /// <summary>renameat2: fail with EEXIST if the new name is taken.</summary>
    public const int RenameNoReplace = 1;

    /// <summary>renameat2: exchange the two.</summary>
    public const int RenameExchange = 2;

    private const int RemoveDir = 0x200;
    private const int SymlinkFollow = 0x400;

    /// <summary>Makes a directory.</summary>
    public static Errno TryMakeDirectory(int directory, ReadOnlySpan<byte> name, int mode)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        return Native.mkdirat(directory, ref path.Pointer, (uint)mode) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Makes a device, fifo or empty file. <paramref name="mode"/> has its type bits.</summary>
    public static Errno TryMakeNode(int directory, ReadOnlySpan<byte> name, int mode, uint major, uint minor)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        return Native.mknodat(directory, ref path.Pointer, (uint)mode, MakeDevice(major, minor)) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Makes a symbolic link.</summary>
    public static Errno TryMakeSymlink(ReadOnlySpan<byte> target, int directory, ReadOnlySpan<byte> name)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        using var text = new FileName(target, stackalloc byte[512]);
        return Native.symlinkat(ref text.Pointer, directory, ref path.Pointer) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Makes a hard link. A symbolic link is linked itself, not what it points at.</summary>
    public static Errno TryLink(int oldDirectory, ReadOnlySpan<byte> oldName, int newDirectory, ReadOnlySpan<byte> newName)
    {
        using var from = new FileName(oldName, stackalloc byte[256]);
        using var to = new FileName(newName, stackalloc byte[256]);
        return Native.linkat(oldDirectory, ref from.Pointer, newDirectory, ref to.Pointer, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Gives an open file a name (linkat(2) through /proc/self/fd).</summary>
    public static Errno TryLinkOpenFile(FileDescriptor file, int newDirectory, ReadOnlySpan<byte> newName)
    {
        using var from = new FileName(FileName.Of(file.ProcPath), stackalloc byte[64]);
        using var to = new FileName(newName, stackalloc byte[256]);
        return Native.linkat(FileCalls.CurrentDirectory, ref from.Pointer, newDirectory, ref to.Pointer, SymlinkFollow) == 0
            ? Errno.None
            : Native.LastErrno;
    }

    /// <summary>Removes a name that is no directory.</summary>
    public static Errno TryUnlink(int directory, ReadOnlySpan<byte> name)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        return Native.unlinkat(directory, ref path.Pointer, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Removes an empty directory.</summary>
    public static Errno TryRemoveDirectory(int directory, ReadOnlySpan<byte> name)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        return Native.unlinkat(directory, ref path.Pointer, RemoveDir) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Renames.</summary>
    public static Errno TryRename(int oldDirectory, ReadOnlySpan<byte> oldName, int newDirectory, ReadOnlySpan<byte> newName, int flags = 0)
    {
        using var from = new FileName(oldName, stackalloc byte[256]);
        using var to = new FileName(newName, stackalloc byte[256]);
        return Native.renameat2(oldDirectory, ref from.Pointer, newDirectory, ref to.Pointer, (uint)flags) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Renames paths of text.</summary>
    public static void Rename(string from, string to, int flags = 0)
    {
        var errno = TryRename(FileCalls.CurrentDirectory, FileName.Of(from), FileCalls.CurrentDirectory, FileName.Of(to), flags);
        if (errno != Errno.None)
            throw new LinuxException(errno, "rename", $"{from} to {to}");
    }

    /// <summary>A symbolic link's target. An empty <paramref name="name"/> reads an O_PATH descriptor of the link itself.</summary>
    public static Errno TryReadLink(int directory, ReadOnlySpan<byte> name, out byte[] target)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        byte* buffer = stackalloc byte[4096];
        nint n = Native.readlinkat(directory, ref path.Pointer, buffer, 4096);
        target = n >= 0 ? new ReadOnlySpan<byte>(buffer, (int)n).ToArray() : [];
        return n >= 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>The kernel's encoding of a device number (makedev(3)).</summary>
    internal static ulong MakeDevice(uint major, uint minor) =>
        ((ulong)(major & 0xFFFFF000) << 32) | ((ulong)(major & 0xFFF) << 8) | ((ulong)(minor & 0xFFFFFF00) << 12) | (minor & 0xFF);
}
