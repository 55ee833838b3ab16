using System.Text;

namespace Strata.Linux;

/// <summary>mount(2), umount2(2), and the mount API of Linux 5.2: fsopen(2), fsconfig(2), fsmount(2), move_mount(2), open_tree(2).</summary>
public static unsafe class MountCalls
{
    /// <summary>MS_RDONLY.</summary>
    public const ulong ReadOnly = 1;

    /// <summary>MS_NOSUID.</summary>
    public const ulong NoSuid = 2;

    /// <summary>MS_NODEV.</summary>
    public const ulong NoDev = 4;

    /// <summary>MS_NOEXEC.</summary>
    public const ulong NoExec = 8;

    /// <summary>MS_REMOUNT.</summary>
    public const ulong Remount = 32;

    /// <summary>MS_BIND.</summary>
    public const ulong Bind = 4096;

    /// <summary>MS_REC.</summary>
    public const ulong Recursive = 16384;

    /// <summary>MS_PRIVATE.</summary>
    public const ulong Private = 1 << 18;

    /// <summary>MOUNT_ATTR_RDONLY for fsmount(2).</summary>
    public const int AttributeReadOnly = 1;

    /// <summary>MOUNT_ATTR_NOSUID.</summary>
    public const int AttributeNoSuid = 2;

    /// <summary>MOUNT_ATTR_NODEV.</summary>
    public const int AttributeNoDev = 4;

    /// <summary>MOUNT_ATTR_NOEXEC.</summary>
    public const int AttributeNoExec = 8;

    /// <summary>The most bytes that fsconfig(2) takes as the value of an option.</summary>
    public const int MaxValueBytes = 255;

    /// <summary>The most bytes that mount(2) takes as options: a page less the NUL.</summary>
    public const int MaxOptionBytes = 4095;

    /// <summary>The most lower directories of one overlay mount (fs/overlayfs/params.h, OVL_MAX_STACK).</summary>
    public const int MaxOverlayLowers = 500;

    /// <summary>MOUNT_ATTR_IDMAP for mount_setattr(2).</summary>
    public const int AttributeIdMap = 0x100000;

    private const int OpenTreeClone = 1;
    private const int AtRecursive = 0x8000;
    private const int EmptyPath = 0x1000;
    private const int Detach = 2;
    private const int NoFollow = 8;
    private const int CloseOnExec = 1;
    private const int SetFlag = 0;
    private const int SetString = 1;
    private const int SetFd = 5;
    private const int CommandCreate = 6;
    private const int MoveMountFromEmptyPath = 4;

    /// <summary>Mounts, in the old way.</summary>
    public static Errno TryMount(string? source, string target, string? type, ulong flags, string? options)
    {
        using var t = new FileName(FileName.Of(target), stackalloc byte[256]);
        fixed (byte* s = Terminated(source), y = Terminated(type), o = Terminated(options))
            return Native.mount(s, ref t.Pointer, y, (nuint)flags, o) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Unmounts. Lazy: it leaves the tree at once, and is gone when the last user is.</summary>
    public static Errno TryUnmount(string target, bool lazy)
    {
        using var t = new FileName(FileName.Of(target), stackalloc byte[256]);
        return Native.umount2(ref t.Pointer, NoFollow | (lazy ? Detach : 0)) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Begins a mount; ENOSYS before Linux 5.2.</summary>
    public static Errno TryOpenContext(string type, out FileDescriptor? context)
    {
        context = null;
        fixed (byte* t = Terminated(type))
        {
            nint number = Native.syscall3(SyscallNumbers.FsOpen, (nint)t, CloseOnExec, 0);
            if (number < 0)
                return Native.LastErrno;
            context = new FileDescriptor((int)number);
            return Errno.None;
        }
    }

    /// <summary>Sets an option. A value longer than 255 bytes is refused by the kernel.</summary>
    public static Errno TrySetString(FileDescriptor context, string key, string value)
    {
        fixed (byte* k = Terminated(key), v = Terminated(value))
            return Config(context, SetString, k, v, 0);
    }

    /// <summary>Sets an option that has no value.</summary>
    public static Errno TrySetFlag(FileDescriptor context, string key)
    {
        fixed (byte* k = Terminated(key))
            return Config(context, SetFlag, k, null, 0);
    }

    /// <summary>Sets an option whose value is an open file (overlay's directories: Linux 6.13).</summary>
    public static Errno TrySetFile(FileDescriptor context, string key, FileDescriptor value)
    {
        fixed (byte* k = Terminated(key))
            return Config(context, SetFd, k, null, value.Number);
    }

    /// <summary>Makes the file system instance.</summary>
    public static Errno TryCreate(FileDescriptor context) => Config(context, CommandCreate, null, null, 0);

    /// <summary>Makes a mount of the instance, attached nowhere: it lives as long as its descriptor, or until it is attached.</summary>
    public static Errno TryMakeMount(FileDescriptor context, int attributes, out FileDescriptor? mount)
    {
        nint number = Native.syscall3(SyscallNumbers.FsMount, context.Number, CloseOnExec, attributes);
        mount = number < 0 ? null : new FileDescriptor((int)number);
        return number < 0 ? Native.LastErrno : Errno.None;
    }

    /// <summary>Copies a mount, attached nowhere: a bind mount to be (open_tree(2), Linux 5.2).</summary>
    /// <param name="path">What it shows.</param>
    /// <param name="recursive">True: with the mounts below it.</param>
    /// <param name="mount">The copy.</param>
    public static Errno TryCopyMount(string path, bool recursive, out FileDescriptor? mount)
    {
        fixed (byte* p = Terminated(path))
        {
            nint number = Native.syscall3(
                SyscallNumbers.OpenTree, FileCalls.CurrentDirectory, (nint)p, OpenTreeClone | OpenFlags.CloseOnExec | (recursive ? AtRecursive : 0));
            mount = number < 0 ? null : new FileDescriptor((int)number);
            return number < 0 ? Native.LastErrno : Errno.None;
        }
    }

    /// <summary>Changes attributes (MOUNT_ATTR_…) of a mount (mount_setattr(2), Linux 5.12).</summary>
    /// <param name="mount">The mount's root; one of <see cref="TryCopyMount"/> that is not attached yet where it is to be idmapped.</param>
    /// <param name="set">Attributes to set.</param>
    /// <param name="clear">Attributes to clear.</param>
    /// <param name="recursive">True: the mounts below it too.</param>
    /// <param name="userNamespace">The namespace to map owners by, with <see cref="AttributeIdMap"/> set; or null.</param>
    public static Errno TrySetAttributes(FileDescriptor mount, ulong set, ulong clear, bool recursive, FileDescriptor? userNamespace = null)
    {
        var attributes = new MountAttr { Set = set, Clear = clear, UserNamespace = userNamespace is null ? 0 : (ulong)userNamespace.Number };
        fixed (byte* empty = Terminated(""))
        {
            nint result = Native.syscall5(
                SyscallNumbers.MountSetAttr, mount.Number, (nint)empty, EmptyPath | (recursive ? AtRecursive : 0), (nint)(&attributes), sizeof(MountAttr));
            return result == 0 ? Errno.None : Native.LastErrno;
        }
    }

    /// <summary>Attaches a mount at a directory.</summary>
    public static Errno TryAttach(FileDescriptor mount, string target)
    {
        fixed (byte* empty = Terminated(""), t = Terminated(target))
        {
            nint result = Native.syscall5(
                SyscallNumbers.MoveMount, mount.Number, (nint)empty, FileCalls.CurrentDirectory, (nint)t, MoveMountFromEmptyPath);
            return result == 0 ? Errno.None : Native.LastErrno;
        }
    }

    /// <summary>What the kernel wrote into the context's log: why it refused. Empty: nothing.</summary>
    public static string ReadLog(FileDescriptor context)
    {
        var log = new StringBuilder();
        byte* buffer = stackalloc byte[1024];
        while (true)
        {
            nint n = Native.read(context.Number, buffer, 1024);
            if (n <= 0)
                return log.ToString();
            if (log.Length > 0)
                log.Append("; ");
            log.Append(Encoding.UTF8.GetString(buffer, (int)n).TrimEnd('\n'));
        }
    }

    private static Errno Config(FileDescriptor context, int command, byte* key, byte* value, int aux) =>
        Native.syscall5(SyscallNumbers.FsConfig, context.Number, command, (nint)key, (nint)value, aux) == 0 ? Errno.None : Native.LastErrno;

    private static byte[]? Terminated(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text + "\0");
}
