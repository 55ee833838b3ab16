namespace Strata.Linux;

/// <summary>openat2(2), Linux 5.6: look-ups that can't leave a directory, whatever symbolic links and <c>..</c> lie on the way.</summary>
public static unsafe class RootedCalls
{
    private const ulong ResolveNoMagicLinks = 0x02;
    private const ulong ResolveNoSymlinks = 0x04;
    private const ulong ResolveInRoot = 0x10;
    private const int MaxPathBytes = 4095; // PATH_MAX less the NUL: what one call takes, not what a tree may hold
    private static volatile bool _noOpenAt2;

    /// <summary>For tests: act as a kernel before 5.6 does.</summary>
    internal static void UseFallback(bool on) => _noOpenAt2 = on;

    /// <summary>Opens a path as if <paramref name="root"/> were the root directory: symbolic links are followed, inside it.</summary>
    /// <remarks>
    /// Before Linux 5.6 every component is opened by itself, symbolic links resolved here. A concurrent rename of a directory on the way
    /// could then mislead it; layers are unpacked where nobody else writes, so that does not arise. A path longer than PATH_MAX goes the same
    /// way, or in pieces where no symbolic link may lie on it.
    /// </remarks>
    /// <param name="root">The directory.</param>
    /// <param name="path">The path; empty: the directory itself.</param>
    /// <param name="flags">As for open(2).</param>
    /// <param name="mode">The mode of a file that is made.</param>
    /// <param name="file">The open file.</param>
    /// <param name="noSymlinks">True: a symbolic link anywhere on the way is ELOOP.</param>
    public static Errno TryOpenInRoot(int root, ReadOnlySpan<byte> path, int flags, int mode, out FileDescriptor? file, bool noSymlinks = false)
    {
        file = null;
        if (path.Length > MaxPathBytes)
            return noSymlinks && !_noOpenAt2 ? OpenInPieces(root, path, flags, mode, out file) : OpenByComponents(root, path, flags, mode, out file, noSymlinks);
        if (!_noOpenAt2)
        {
            using var name = new FileName(path.IsEmpty ? "."u8 : path, stackalloc byte[256]);
            var how = new OpenHow
            {
                Flags = (ulong)(flags | OpenFlags.CloseOnExec),
                Mode = (flags & OpenFlags.Create) != 0 ? (ulong)mode : 0,
                Resolve = ResolveInRoot | ResolveNoMagicLinks | (noSymlinks ? ResolveNoSymlinks : 0),
            };
            fixed (byte* p = &name.Pointer)
            {
                while (true)
                {
                    nint number = Native.syscall5(SyscallNumbers.OpenAt2, root, (nint)p, (nint)(&how), sizeof(OpenHow), 0);
                    if (number >= 0)
                    {
                        file = new FileDescriptor((int)number);
                        return Errno.None;
                    }
                    var errno = Native.LastErrno;
                    if (errno is Errno.EINTR or Errno.EAGAIN)
                        continue; // EAGAIN: a rename on the way, the kernel could not be sure (openat2(2))
                    if (errno != Errno.ENOSYS)
                        return errno;
                    _noOpenAt2 = true;
                    break;
                }
            }
        }
        return OpenByComponents(root, path, flags, mode, out file, noSymlinks);
    }

    /// <summary>Opens a path that one call can't take: without symbolic links on it, a piece needs no knowledge of the root.</summary>
    private static Errno OpenInPieces(int root, ReadOnlySpan<byte> path, int flags, int mode, out FileDescriptor? file)
    {
        FileDescriptor? here = null;
        try
        {
            while (path.Length > MaxPathBytes)
            {
                int slash = path[..MaxPathBytes].LastIndexOf((byte)'/');
                if (slash <= 0)
                    break; // a name of more than PATH_MAX: the kernel refuses it
                var errno = TryOpenInRoot(here?.Number ?? root, path[..slash], OpenFlags.Path | OpenFlags.Directory, 0, out var next, noSymlinks: true);
                here?.Dispose();
                here = next;
                if (errno != Errno.None)
                {
                    file = null;
                    return errno;
                }
                path = path[(slash + 1)..];
            }
            if (path.Length > MaxPathBytes)
            {
                file = null;
                return Errno.ENAMETOOLONG;
            }
            return TryOpenInRoot(here?.Number ?? root, path, flags, mode, out file, noSymlinks: true);
        }
        finally
        {
            here?.Dispose();
        }
    }

    private static Errno OpenByComponents(int root, ReadOnlySpan<byte> path, int flags, int mode, out FileDescriptor? file, bool noSymlinks)
    {
        const int MaxLinks = 40; // as the kernel's (path_resolution(7))
        file = null;
        int links = 0;
        var stack = new List<FileDescriptor>();
        var rest = new List<byte[]>();
        Push(rest, path);
        try
        {
            while (rest.Count > 0)
            {
                byte[] name = rest[^1];
                rest.RemoveAt(rest.Count - 1);
                int here = stack.Count == 0 ? root : stack[^1].Number;
                if (name.AsSpan().SequenceEqual(".."u8))
                {
                    if (stack.Count > 0)
                    {
                        stack[^1].Dispose();
                        stack.RemoveAt(stack.Count - 1);
                    }
                    continue;
                }
                bool last = rest.Count == 0;
                if (NameCalls.TryReadLink(here, name, out byte[] target) == Errno.None && (!last || (flags & OpenFlags.NoFollow) == 0))
                {
                    if (noSymlinks || ++links > MaxLinks)
                        return Errno.ELOOP;
                    if (target.AsSpan().StartsWith("/"u8))
                        Clear(stack);
                    Push(rest, target);
                    continue;
                }
                int how = last ? flags | OpenFlags.NoFollow : OpenFlags.Path | OpenFlags.Directory | OpenFlags.NoFollow;
                var errno = FileCalls.TryOpenAt(here, name, how, mode, out var next);
                if (errno != Errno.None)
                    return errno;
                if (last)
                {
                    file = next;
                    return Errno.None;
                }
                stack.Add(next!);
            }
            return FileCalls.TryOpenAt(stack.Count == 0 ? root : stack[^1].Number, "."u8, flags & ~(OpenFlags.Create | OpenFlags.Exclusive), 0, out file);
        }
        finally
        {
            Clear(stack);
        }
    }

    private static void Push(List<byte[]> rest, ReadOnlySpan<byte> path)
    {
        int at = rest.Count;
        while (!path.IsEmpty)
        {
            int slash = path.IndexOf((byte)'/');
            var part = slash < 0 ? path : path[..slash];
            path = slash < 0 ? default : path[(slash + 1)..];
            if (!part.IsEmpty && !part.SequenceEqual("."u8))
                rest.Insert(at, part.ToArray());
        }
    }

    private static void Clear(List<FileDescriptor> stack)
    {
        foreach (var directory in stack)
            directory.Dispose();
        stack.Clear();
    }
}
