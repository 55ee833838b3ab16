namespace Strata.Linux;

/// <summary>chown(2), chmod(2), utimensat(2), statx(2).</summary>
public static unsafe class AttributeCalls
{
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const int NoAutomount = 0x800;

    /// <summary>STATX_BASIC_STATS with the birth time and the mount ID.</summary>
    private const uint StatMask = 0x7FF | 0x800 | 0x1000;
    private static volatile bool _noChmodAt2;

    /// <summary>For tests: act as a kernel before 6.6 does.</summary>
    internal static void UseFallback(bool on) => _noChmodAt2 = on;

    /// <summary>Sets owner and group of an open file.</summary>
    public static Errno TryChown(int file, uint uid, uint gid) => Native.fchown(file, uid, gid) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>Sets owner and group of a name; a symbolic link's own.</summary>
    public static Errno TryChownAt(int directory, ReadOnlySpan<byte> name, uint uid, uint gid)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        return Native.fchownat(directory, ref path.Pointer, uid, gid, NoFollow) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Sets the mode of an open file.</summary>
    public static Errno TryChmod(int file, int mode) => Native.fchmod(file, (uint)mode) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>Sets the mode of a name, never through a symbolic link (EOPNOTSUPP for one).</summary>
    /// <remarks>Linux 6.6 has a call for it; before that the name is opened as a handle and reached through /proc/self/fd (CVE-2021-32760).</remarks>
    public static Errno TryChmodAt(int directory, ReadOnlySpan<byte> name, int mode)
    {
        if (!_noChmodAt2)
        {
            using var path = new FileName(name, stackalloc byte[256]);
            fixed (byte* p = &path.Pointer)
            {
                if (Native.syscall5(SyscallNumbers.FChmodAt2, directory, (nint)p, mode, NoFollow, 0) == 0)
                    return Errno.None;
            }
            var errno = Native.LastErrno;
            if (errno != Errno.ENOSYS)
                return errno;
            _noChmodAt2 = true;
        }
        return ChmodHandle(directory, name, mode);
    }

    private static Errno ChmodHandle(int directory, ReadOnlySpan<byte> name, int mode)
    {
        var errno = FileCalls.TryOpenAt(directory, name, OpenFlags.Path | OpenFlags.NoFollow, 0, out var handle);
        if (errno != Errno.None)
            return errno;
        using var opened = handle!;
        if (Stat(opened).Type == NameCalls.TypeSymlink)
            return Errno.EOPNOTSUPP;
        using var path = new FileName(FileName.Of(opened.ProcPath), stackalloc byte[64]);
        return Native.fchmodat(FileCalls.CurrentDirectory, ref path.Pointer, (uint)mode, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Sets the modification time of an open file; the access time becomes the same.</summary>
    public static Errno TrySetTime(int file, FileTime mtime)
    {
        TimeSpec* times = stackalloc TimeSpec[2];
        times[0].Seconds = times[1].Seconds = mtime.Seconds;
        times[0].Nanoseconds = times[1].Nanoseconds = mtime.Nanoseconds;
        // glibc's utimensat refuses the null path that the kernel takes.
        return Native.futimens(file, times) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Sets the times of what a path leads to, to now (utimensat(2) without times).</summary>
    public static Errno TryTouch(string path)
    {
        using var name = new FileName(System.Text.Encoding.UTF8.GetBytes(path), stackalloc byte[256]);
        fixed (byte* p = &name.Pointer)
            return Native.utimensat(FileCalls.CurrentDirectory, p, null, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Sets the modification time of a name, a symbolic link's own; the access time becomes the same.</summary>
    public static Errno TrySetTimeAt(int directory, ReadOnlySpan<byte> name, FileTime mtime)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        TimeSpec* times = stackalloc TimeSpec[2];
        times[0].Seconds = times[1].Seconds = mtime.Seconds;
        times[0].Nanoseconds = times[1].Nanoseconds = mtime.Nanoseconds;
        fixed (byte* p = &path.Pointer)
            return Native.utimensat(directory, p, times, NoFollow) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>All that statx(2) tells of a name; a symbolic link's own. An empty name: of the directory descriptor itself.</summary>
    public static Errno TryStat(int directory, ReadOnlySpan<byte> name, out FileStatus status)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        StatxBuffer buffer;
        int flags = NoFollow | NoAutomount | (name.IsEmpty ? EmptyPath : 0);
        if (Native.statx(directory, ref path.Pointer, flags, StatMask, &buffer) != 0)
        {
            status = default;
            return Native.LastErrno;
        }
        status = new FileStatus(buffer);
        return Errno.None;
    }

    /// <summary>All that statx(2) tells of an open file.</summary>
    public static FileStatus Stat(FileDescriptor file)
    {
        var errno = TryStat(file.Number, default, out var status);
        return errno == Errno.None ? status : throw new LinuxException(errno, "statx");
    }

    /// <summary>All that statx(2) tells of a path of text, the last component not followed; null if there is nothing.</summary>
    public static FileStatus? FindStatus(string path)
    {
        var errno = TryStat(FileCalls.CurrentDirectory, FileName.Of(path), out var status);
        return errno switch
        {
            Errno.None => status,
            Errno.ENOENT or Errno.ENOTDIR => null,
            _ => throw new LinuxException(errno, "statx", path),
        };
    }
}
