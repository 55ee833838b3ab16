namespace Strata.Linux;

/// <summary>chown(2), chmod(2), utimensat(2), statx(2).</summary>
public static unsafe class AttributeCalls
{
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const int NoAutomount = 0x800;

    /// <summary>STATX_BASIC_STATS with the birth time and the mount ID.</summary>
    private const uint StatMask = 0x7FF | 0x800 | 0x1000;

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

    /// <summary>
    /// Sets the mode of a name that is known to be no symbolic link, since nobody else can change the directory. (A kernel before 6.6 has no
    /// call that would not follow one.)
    /// </summary>
    public static Errno TryChmodAt(int directory, ReadOnlySpan<byte> name, int mode)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        return Native.fchmodat(directory, ref path.Pointer, (uint)mode, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Sets the modification time of an open file; the access time becomes the same.</summary>
    public static Errno TrySetTime(int file, FileTime mtime)
    {
        TimeSpec* times = stackalloc TimeSpec[2];
        times[0].Seconds = times[1].Seconds = mtime.Seconds;
        times[0].Nanoseconds = times[1].Nanoseconds = mtime.Nanoseconds;
        return Native.utimensat(file, null, times, 0) == 0 ? Errno.None : Native.LastErrno;
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
