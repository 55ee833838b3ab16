namespace Strata.Linux;

/// <summary>open(2), openat(2), openat2(2), read(2), write(2), lseek(2), fsync(2) and their kin.</summary>
public static unsafe class FileCalls
{
    /// <summary>The current working directory, for calls that take a directory.</summary>
    public const int CurrentDirectory = -100;

    private const int KeepSize = 1; // FALLOC_FL_KEEP_SIZE
    private const int SeekData = 3;
    private const int SeekHole = 4;

    /// <summary>Opens a path of text.</summary>
    public static FileDescriptor Open(string path, int flags, int mode = 0)
    {
        var errno = TryOpenAt(CurrentDirectory, FileName.Of(path), flags, mode, out var file);
        return errno == Errno.None ? file! : throw new LinuxException(errno, "open", path);
    }

    /// <summary>Opens a name in a directory.</summary>
    public static FileDescriptor OpenAt(FileDescriptor directory, ReadOnlySpan<byte> name, int flags, int mode = 0)
    {
        var errno = TryOpenAt(directory.Number, name, flags, mode, out var file);
        return errno == Errno.None ? file! : throw new LinuxException(errno, "openat", FileName.Show(name));
    }

    /// <summary>Opens a name in a directory; returns errno.</summary>
    public static Errno TryOpenAt(int directory, ReadOnlySpan<byte> name, int flags, int mode, out FileDescriptor? file)
    {
        var errno = TryOpenRaw(directory, name, flags, mode, out int number);
        file = errno == Errno.None ? new FileDescriptor(number) : null;
        return errno;
    }

    /// <summary>Makes a file without a name, for reading and writing, that is gone when it is closed (O_TMPFILE; where the file system can't, a name for a moment).</summary>
    /// <param name="directory">On which file system it is.</param>
    public static FileDescriptor OpenUnnamed(string directory)
    {
        const int mode = 0x180;
        var errno = TryOpenAt(CurrentDirectory, FileName.Of(directory), OpenFlags.ReadWrite | OpenFlags.Unnamed, mode, out var file);
        if (errno is Errno.EOPNOTSUPP or Errno.EISDIR)
        {
            string path = Path.Combine(directory, "." + Guid.NewGuid().ToString("N"));
            file = Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive, mode);
            errno = NameCalls.TryUnlink(CurrentDirectory, FileName.Of(path));
            if (errno != Errno.None)
                file.Dispose();
        }
        return errno == Errno.None ? file! : throw new LinuxException(errno, "open a new file in", directory);
    }

    /// <summary>Opens a name in a directory and hands out the bare number, for loops that open and close at once. Close it with <see cref="CloseRaw"/>.</summary>
    public static Errno TryOpenRaw(int directory, ReadOnlySpan<byte> name, int flags, int mode, out int number)
    {
        using var path = new FileName(name, stackalloc byte[256]);
        while (true)
        {
            number = Native.openat(directory, ref path.Pointer, flags | OpenFlags.CloseOnExec, (uint)mode);
            if (number >= 0)
                return Errno.None;
            var errno = Native.LastErrno;
            if (errno != Errno.EINTR)
                return errno;
        }
    }

    /// <summary>Closes a bare number.</summary>
    public static void CloseRaw(int number) => _ = Native.close(number);

    /// <summary>Reads; fewer bytes than asked for are normal, 0 is the end.</summary>
    public static int Read(FileDescriptor file, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            while (true)
            {
                nint n = Native.read(file.Number, p, (nuint)buffer.Length);
                if (n >= 0)
                    return (int)n;
                var errno = Native.LastErrno;
                if (errno != Errno.EINTR)
                    throw new LinuxException(errno, "read");
            }
        }
    }

    /// <summary>Reads at an offset; fewer bytes than asked for are normal, 0 is the end.</summary>
    public static int ReadAt(FileDescriptor file, Span<byte> buffer, long offsetBytes)
    {
        fixed (byte* p = buffer)
        {
            while (true)
            {
                nint n = Native.pread(file.Number, p, (nuint)buffer.Length, offsetBytes);
                if (n >= 0)
                    return (int)n;
                var errno = Native.LastErrno;
                if (errno != Errno.EINTR)
                    throw new LinuxException(errno, "pread");
            }
        }
    }

    /// <summary>Writes all; returns errno.</summary>
    public static Errno TryWriteAll(int file, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            byte* p = start;
            nuint left = (nuint)bytes.Length;
            while (left > 0)
            {
                nint n = Native.write(file, p, left);
                if (n >= 0)
                {
                    p += n;
                    left -= (nuint)n;
                    continue;
                }
                var errno = Native.LastErrno;
                if (errno != Errno.EINTR)
                    return errno;
            }
        }
        return Errno.None;
    }

    /// <summary>Writes all at an offset; returns errno.</summary>
    public static Errno TryWriteAllAt(int file, ReadOnlySpan<byte> bytes, long offsetBytes)
    {
        fixed (byte* start = bytes)
        {
            byte* p = start;
            nuint left = (nuint)bytes.Length;
            while (left > 0)
            {
                nint n = Native.pwrite(file, p, left, offsetBytes);
                if (n >= 0)
                {
                    p += n;
                    left -= (nuint)n;
                    offsetBytes += n;
                    continue;
                }
                var errno = Native.LastErrno;
                if (errno != Errno.EINTR)
                    return errno;
            }
        }
        return Errno.None;
    }

    /// <summary>Sets the size of a file; growing it leaves a hole.</summary>
    public static Errno TryTruncate(int file, long sizeBytes) => Native.ftruncate(file, sizeBytes) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>Takes disk space for a stretch of a file (posix_fallocate(3)), so that writing it can't fail for want of space.</summary>
    public static Errno TryAllocate(int file, long offsetBytes, long lengthBytes)
    {
        while (true)
        {
            var errno = (Errno)Native.posix_fallocate(file, offsetBytes, lengthBytes); // returns it, does not set it
            if (errno != Errno.EINTR)
                return errno;
        }
    }

    /// <summary>
    /// Takes disk space for the first bytes of a file, for its holes and past its end, and changes neither its size nor what is read from it (fallocate(2),
    /// FALLOC_FL_KEEP_SIZE). EOPNOTSUPP: the file system has no such thing.
    /// </summary>
    public static Errno TryAllocateHoles(int file, long lengthBytes)
    {
        while (Native.fallocate(file, KeepSize, 0, lengthBytes) != 0)
        {
            if (Native.LastErrno != Errno.EINTR)
                return Native.LastErrno;
        }
        return Errno.None;
    }

    /// <summary>The next stretch of data at or after an offset (SEEK_DATA, SEEK_HOLE); false: only a hole is left.</summary>
    /// <remarks>A file system without support reports the whole file as data.</remarks>
    public static bool FindData(FileDescriptor file, long offsetBytes, long sizeBytes, out DataExtent extent)
    {
        extent = default;
        if (offsetBytes >= sizeBytes)
            return false;
        long start = Native.lseek(file.Number, offsetBytes, SeekData);
        if (start < 0)
        {
            var errno = Native.LastErrno;
            if (errno == (Errno)6) // ENXIO: no data after the offset
                return false;
            if (errno is not (Errno.EINVAL or Errno.EOPNOTSUPP))
                throw new LinuxException(errno, "lseek SEEK_DATA");
            extent = new DataExtent(offsetBytes, sizeBytes - offsetBytes);
            return true;
        }
        if (start >= sizeBytes)
            return false;
        long end = Native.lseek(file.Number, start, SeekHole);
        if (end < 0)
            throw new LinuxException(Native.LastErrno, "lseek SEEK_HOLE");
        extent = new DataExtent(start, Math.Min(end, sizeBytes) - start);
        return true;
    }

    /// <summary>fsync(2).</summary>
    public static void Sync(FileDescriptor file, string? path = null)
    {
        if (Native.fsync(file.Number) != 0)
            throw new LinuxException(Native.LastErrno, "fsync", path);
    }

    /// <summary>fdatasync(2): the content and what is needed to read it back, not the times.</summary>
    public static void SyncData(FileDescriptor file, string? path = null)
    {
        if (Native.fdatasync(file.Number) != 0)
            throw new LinuxException(Native.LastErrno, "fdatasync", path);
    }

    /// <summary>Opens a directory and syncs it, so that the names in it survive a power cut.</summary>
    public static void SyncDirectory(string path)
    {
        using var directory = Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        Sync(directory, path);
    }

    /// <summary>syncfs(2): everything of the file system that holds the open file. Reports write-back errors from Linux 5.8 on.</summary>
    public static void SyncFileSystem(FileDescriptor file, string? path = null)
    {
        if (Native.syncfs(file.Number) != 0)
            throw new LinuxException(Native.LastErrno, "syncfs", path);
    }

    /// <summary>
    /// Waits until what was begun with <see cref="StartWriteOut"/> is written (sync_file_range(2)). Nothing is durable by it; errors are those of
    /// writing, such as EIO and ENOSPC.
    /// </summary>
    public static Errno TryWaitForWriteOut(FileDescriptor file, long offsetBytes, long lengthBytes) => // WAIT_BEFORE | WRITE | WAIT_AFTER
        Native.sync_file_range(file.Number, offsetBytes, lengthBytes, 7) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>Lets go of what the kernel has cached of a part of a file and what is written out already (posix_fadvise(2)). A hint.</summary>
    public static void DropCached(FileDescriptor file, long offsetBytes, long lengthBytes) =>
        _ = Native.posix_fadvise(file.Number, offsetBytes, lengthBytes, 4); // POSIX_FADV_DONTNEED

    /// <summary>
    /// Asks the kernel to begin writing a part of a file out, and does not wait (sync_file_range(2)). A hint: nothing is durable by it, and where
    /// the file system can't, nothing happens.
    /// </summary>
    public static void StartWriteOut(FileDescriptor file, long offsetBytes, long lengthBytes) =>
        _ = Native.sync_file_range(file.Number, offsetBytes, lengthBytes, 2); // SYNC_FILE_RANGE_WRITE

    /// <summary>The magic number of the file system that holds the open file (statfs(2), f_type).</summary>
    public static long FileSystemMagic(FileDescriptor file) => StatFs(file).Type & 0xFFFFFFFF;

    /// <summary>The size of a block of the file system that holds the open file, and what an unprivileged user may still write on it, in bytes (statfs(2)).</summary>
    public static (long BlockBytes, long AvailableBytes) Room(FileDescriptor file)
    {
        var told = StatFs(file);
        return (told.BlockSize, (long)told.BlocksAvailable * told.BlockSize);
    }

    private static StatFsBuffer StatFs(FileDescriptor file)
    {
        StatFsBuffer buffer;
        return Native.fstatfs(file.Number, &buffer) == 0 ? buffer : throw new LinuxException(Native.LastErrno, "fstatfs");
    }
}
