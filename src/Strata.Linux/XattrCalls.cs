namespace Strata.Linux;

/// <summary>Extended attributes (xattr(7)) of open files and of names in directories, never through a symbolic link.</summary>
/// <remarks>
/// Linux 6.13 has calls that take a directory and a name; before that, the name is reached through /proc/self/fd/N/NAME. Which of the two
/// serves is found out by the first call.
/// </remarks>
public static unsafe class XattrCalls
{
    private const int NoFollow = 0x100;
    private const int StackValueBytes = 1024;
    private static volatile bool _noDirectoryCalls;

    /// <summary>For tests: act as a kernel before 6.13 does.</summary>
    internal static void UseFallback(bool on) => _noDirectoryCalls = on;

    /// <summary>Sets an attribute of an open file.</summary>
    public static Errno TrySet(int file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        using var n = new FileName(name, stackalloc byte[256]);
        fixed (byte* v = value)
            return Native.fsetxattr(file, ref n.Pointer, v, (nuint)value.Length, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>An attribute of an open file; null if it has none of that name.</summary>
    public static byte[]? Find(FileDescriptor file, ReadOnlySpan<byte> name)
    {
        using var n = new FileName(name, stackalloc byte[256]);
        byte* buffer = stackalloc byte[StackValueBytes];
        nint size = Native.fgetxattr(file.Number, ref n.Pointer, buffer, StackValueBytes);
        if (size >= 0)
            return new ReadOnlySpan<byte>(buffer, (int)size).ToArray();
        var errno = Native.LastErrno;
        if (errno == Errno.ERANGE)
        {
            byte[] large = new byte[65536];
            fixed (byte* p = large)
                size = Native.fgetxattr(file.Number, ref n.Pointer, p, (nuint)large.Length);
            if (size >= 0)
                return large.AsSpan(0, (int)size).ToArray();
            errno = Native.LastErrno;
        }
        return errno is Errno.ENODATA or Errno.EOPNOTSUPP ? null : throw new LinuxException(errno, "fgetxattr", FileName.Show(name));
    }

    /// <summary>Sets an attribute of a name in a directory.</summary>
    public static Errno TrySetAt(int directory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        using var n = new FileName(name, stackalloc byte[256]);
        if (!_noDirectoryCalls)
        {
            using var f = new FileName(file, stackalloc byte[256]);
            fixed (byte* v = value, pf = &f.Pointer, pn = &n.Pointer)
            {
                var args = new XattrArgs { Value = (ulong)v, Size = (uint)value.Length };
                if (Native.syscall6(SyscallNumbers.SetXattrAt, directory, (nint)pf, NoFollow, (nint)pn, (nint)(&args), sizeof(XattrArgs)) == 0)
                    return Errno.None;
                if (!IsMissing(Native.LastErrno, out var errno))
                    return errno;
            }
        }
        using var path = new FileName(ProcName(directory, file), stackalloc byte[320]);
        fixed (byte* v = value)
            return Native.lsetxattr(ref path.Pointer, ref n.Pointer, v, (nuint)value.Length, 0) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Removes an attribute of an open file (not O_PATH).</summary>
    public static Errno TryRemove(int file, ReadOnlySpan<byte> name)
    {
        using var n = new FileName(name, stackalloc byte[256]);
        return Native.fremovexattr(file, ref n.Pointer) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Removes an attribute of a name in a directory.</summary>
    public static Errno TryRemoveAt(int directory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> name)
    {
        using var n = new FileName(name, stackalloc byte[256]);
        if (!_noDirectoryCalls)
        {
            using var f = new FileName(file, stackalloc byte[256]);
            fixed (byte* pf = &f.Pointer, pn = &n.Pointer)
            {
                if (Native.syscall5(SyscallNumbers.RemoveXattrAt, directory, (nint)pf, NoFollow, (nint)pn, 0) == 0)
                    return Errno.None;
                if (!IsMissing(Native.LastErrno, out var errno))
                    return errno;
            }
        }
        using var path = new FileName(ProcName(directory, file), stackalloc byte[320]);
        return Native.lremovexattr(ref path.Pointer, ref n.Pointer) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>
    /// The names of all attributes of a name in a directory, each ended by NUL, into <paramref name="list"/>; <paramref name="length"/> of
    /// them. ERANGE: the list is longer. A file system without attributes has none.
    /// </summary>
    public static Errno TryListAt(int directory, ReadOnlySpan<byte> file, Span<byte> list, out int length)
    {
        nint size = -1;
        var errno = Errno.ENOSYS;
        fixed (byte* l = list)
        {
            if (!_noDirectoryCalls)
            {
                using var f = new FileName(file, stackalloc byte[256]);
                fixed (byte* pf = &f.Pointer)
                    size = Native.syscall5(SyscallNumbers.ListXattrAt, directory, (nint)pf, NoFollow, (nint)l, list.Length);
                if (size < 0)
                    IsMissing(Native.LastErrno, out errno);
            }
            if (size < 0 && errno == Errno.ENOSYS)
            {
                using var path = new FileName(ProcName(directory, file), stackalloc byte[320]);
                size = Native.llistxattr(ref path.Pointer, l, (nuint)list.Length);
                errno = size < 0 ? Native.LastErrno : Errno.None;
            }
        }
        length = size < 0 ? 0 : (int)size;
        return size >= 0 || errno == Errno.EOPNOTSUPP ? Errno.None : errno;
    }

    /// <summary>An attribute of a name in a directory, into <paramref name="value"/>; ERANGE: it is longer.</summary>
    public static Errno TryGetAt(int directory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> name, Span<byte> value, out int length)
    {
        using var n = new FileName(name, stackalloc byte[256]);
        nint size = -1;
        var errno = Errno.ENOSYS;
        fixed (byte* v = value, pn = &n.Pointer)
        {
            if (!_noDirectoryCalls)
            {
                using var f = new FileName(file, stackalloc byte[256]);
                var args = new XattrArgs { Value = (ulong)v, Size = (uint)value.Length };
                fixed (byte* pf = &f.Pointer)
                    size = Native.syscall6(SyscallNumbers.GetXattrAt, directory, (nint)pf, NoFollow, (nint)pn, (nint)(&args), sizeof(XattrArgs));
                if (size < 0)
                    IsMissing(Native.LastErrno, out errno);
            }
            if (size < 0 && errno == Errno.ENOSYS)
            {
                using var path = new FileName(ProcName(directory, file), stackalloc byte[320]);
                size = Native.lgetxattr(ref path.Pointer, ref n.Pointer, v, (nuint)value.Length);
                errno = size < 0 ? Native.LastErrno : Errno.None;
            }
        }
        length = size < 0 ? 0 : (int)size;
        return size >= 0 ? Errno.None : errno;
    }

    /// <summary>All attributes of a name in a directory, sorted by the bytes of their names.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="file">The name.</param>
    /// <param name="wanted">Which of them are read, by their names; null: all.</param>
    public static IReadOnlyList<Xattr> GetAll(int directory, ReadOnlySpan<byte> file, Predicate<ReadOnlySpan<byte>>? wanted = null)
    {
        Span<byte> list = stackalloc byte[512];
        var errno = TryListAt(directory, file, list, out int length);
        if (errno == Errno.None && length == 0)
            return [];
        if (errno == Errno.ERANGE)
        {
            list = new byte[65536]; // XATTR_LIST_MAX
            errno = TryListAt(directory, file, list, out length);
        }
        if (errno != Errno.None)
            throw new LinuxException(errno, "listxattr", FileName.Show(file));
        List<Xattr>? all = null;
        Span<byte> stack = stackalloc byte[StackValueBytes];
        byte[]? large = null;
        for (var names = list[..length]; !names.IsEmpty;)
        {
            int end = names.IndexOf((byte)0);
            var name = names[..end];
            names = names[(end + 1)..];
            if (wanted is not null && !wanted(name))
                continue;
            var value = stack;
            errno = TryGetAt(directory, file, name, value, out int size);
            if (errno == Errno.ERANGE)
            {
                value = large ??= new byte[65536]; // XATTR_SIZE_MAX
                errno = TryGetAt(directory, file, name, value, out size);
            }
            if (errno == Errno.ENODATA)
                continue; // removed since it was listed, or not readable here (trusted.* without privileges)
            if (errno != Errno.None)
                throw new LinuxException(errno, "getxattr", $"{FileName.Show(name)} of {FileName.Show(file)}");
            (all ??= []).Add(new Xattr(name.ToArray(), value[..size].ToArray()));
        }
        if (all is null)
            return [];
        all.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        return all;
    }

    private static bool IsMissing(Errno seen, out Errno errno)
    {
        errno = seen;
        if (seen != Errno.ENOSYS)
            return false;
        _noDirectoryCalls = true;
        return true;
    }

    private static byte[] ProcName(int directory, ReadOnlySpan<byte> file)
    {
        byte[] prefix = FileName.Of(directory == FileCalls.CurrentDirectory ? "" : $"/proc/self/fd/{directory}/");
        byte[] path = new byte[prefix.Length + file.Length];
        prefix.CopyTo(path, 0);
        file.CopyTo(path.AsSpan(prefix.Length));
        return path;
    }
}
