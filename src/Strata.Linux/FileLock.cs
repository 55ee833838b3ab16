namespace Strata.Linux;

/// <summary>A lock on a file between processes and threads (flock(2)): the kernel releases it when its holder dies.</summary>
public sealed class FileLock : IDisposable
{
    private const int Shared = 1;
    private const int Exclusive = 2;
    private const int NonBlocking = 4;
    private readonly FileDescriptor _file;

    private FileLock(FileDescriptor file) => _file = file;

    /// <summary>Waits for the lock.</summary>
    /// <param name="path">The lock file; made if it is not there, never removed by this.</param>
    /// <param name="shared">True: many holders at once.</param>
    public static FileLock Acquire(string path, bool shared = false)
    {
        var file = OpenFile(path);
        while (Native.flock(file.Number, shared ? Shared : Exclusive) != 0)
        {
            var errno = Native.LastErrno;
            if (errno == Errno.EINTR)
                continue;
            file.Dispose();
            throw new LinuxException(errno, "flock", path);
        }
        return new FileLock(file);
    }

    /// <summary>Takes the lock if it is free; null if somebody holds it.</summary>
    public static FileLock? TryAcquire(string path, bool shared = false)
    {
        var file = OpenFile(path);
        while (Native.flock(file.Number, (shared ? Shared : Exclusive) | NonBlocking) != 0)
        {
            var errno = Native.LastErrno;
            if (errno == Errno.EINTR)
                continue;
            file.Dispose();
            return errno == Errno.EAGAIN ? null : throw new LinuxException(errno, "flock", path);
        }
        return new FileLock(file);
    }

    /// <summary>Takes the lock of a directory, whose name it keeps an eye on; null: somebody holds it, or the path names it no more.</summary>
    public static FileLock? TryAcquireDirectory(string path)
    {
        var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, FileName.Of(path), OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var directory);
        if (errno is Errno.ENOENT or Errno.ENOTDIR)
            return null;
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", path);
        while ((errno = Native.flock(directory!.Number, Exclusive | NonBlocking) == 0 ? Errno.None : Native.LastErrno) == Errno.EINTR)
        {
        }
        // Deleted or renamed between the two: whoever goes by its name must not take it for this one.
        if (errno == Errno.None && IsStillNamed(directory.Number, path))
            return new FileLock(directory);
        directory.Dispose();
        return errno is Errno.None or Errno.EAGAIN ? null : throw new LinuxException(errno, "flock", path);
    }

    /// <summary>Waits for the lock of a file that is open already; it ends when that is closed.</summary>
    public static void Lock(Microsoft.Win32.SafeHandles.SafeFileHandle file, string path)
    {
        while (Native.flock((int)file.DangerousGetHandle(), Exclusive) != 0)
        {
            var errno = Native.LastErrno;
            if (errno != Errno.EINTR)
                throw new LinuxException(errno, "flock", path);
        }
    }

    /// <summary>Takes the lock of a file that is open already; false: somebody holds it.</summary>
    public static bool TryLock(Microsoft.Win32.SafeHandles.SafeFileHandle file, string path)
    {
        while (Native.flock((int)file.DangerousGetHandle(), Exclusive | NonBlocking) != 0)
        {
            var errno = Native.LastErrno;
            if (errno == Errno.EAGAIN)
                return false;
            if (errno != Errno.EINTR)
                throw new LinuxException(errno, "flock", path);
        }
        return true;
    }

    /// <summary>True if a path still names an open file: it was not deleted or replaced.</summary>
    public static bool IsStillNamed(Microsoft.Win32.SafeHandles.SafeFileHandle file, string path) => IsStillNamed((int)file.DangerousGetHandle(), path);

    /// <summary>True if a path still names the locked file: it was not deleted or replaced before the lock was taken.</summary>
    public bool IsStillNamed(string path)
    {
        var named = AttributeCalls.FindStatus(path);
        return AttributeCalls.TryStat(_file.Number, default, out var open) == Errno.None && named is { } n && n.Inode == open.Inode && n.Device == open.Device;
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose() => _file.Dispose();

    private static bool IsStillNamed(int file, string path)
    {
        var named = AttributeCalls.FindStatus(path);
        return AttributeCalls.TryStat(file, default, out var open) == Errno.None && named is { } n && n.Inode == open.Inode && n.Device == open.Device;
    }

    private static FileDescriptor OpenFile(string path) => FileCalls.Open(path, OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
}
