using Strata.Linux;

namespace Strata.Trees;

/// <content>How the directory of an entry is found, followed or made.</content>
public sealed partial class TreeWriter
{
    private const int MaxLinks = 40; // as the kernel's (path_resolution(7))

    private OpenDirectory ParentOf(EntryPath path, long index)
    {
        var parent = path.ParentBytes;
        return _cache.Find(parent) ?? Resolve(EntryPath.Create(parent), index);
    }

    /// <summary>Opens a directory of the layer, making what is missing on the way. The result belongs to the cache.</summary>
    private OpenDirectory Resolve(EntryPath path, long index)
    {
        if (_cache.Find(path.Bytes) is { } known)
            return known;
        var errno = Open(path, out var file);
        var actual = path;
        if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
        {
            // A link, or something missing or wrong: jobs that are under way may change what is there.
            _queue?.DrainAll();
            actual = Walk(path, index);
            errno = Open(actual, out file);
        }
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat2", path.ToString());
        var directory = new OpenDirectory(file!, actual, throughSymlink: actual != path);
        _cache.Add(path.Bytes, directory);
        return directory;
    }

    private Errno Open(EntryPath path, out FileDescriptor? file) => RootedCalls.TryOpenInRoot(
        _root.File.Number, path.Bytes, OpenFlags.Path | OpenFlags.Directory, 0, out file, noSymlinks: true);

    /// <summary>Goes down a path component by component: follows links of this layer, makes missing directories, replaces what is in the way.</summary>
    private EntryPath Walk(EntryPath path, long index)
    {
        var actual = EntryPath.Root;
        int links = 0;
        var rest = new Stack<byte[]>();
        Push(rest, path.Bytes);
        while (rest.TryPop(out byte[]? name))
        {
            if (name.AsSpan().SequenceEqual(".."u8))
            {
                actual = actual.Parent;
                continue;
            }
            var next = actual.Child(name);
            if (next.Depth > LayerLimits.Default.MaxPathDepth)
                throw StrataException.InvalidArgument($"The layer was refused: the path {path} leads too deep through symbolic links.");
            var parent = OpenUncached(actual);
            try
            {
                var status = Status(parent, name);
                if (status is { Type: NameCalls.TypeSymlink } && (_written is null || _written.Contains(next.Bytes)))
                {
                    if (++links > MaxLinks)
                        throw StrataException.InvalidArgument($"The layer was refused: the path {path} leads through too many symbolic links.");
                    if (NameCalls.TryReadLink(parent.Number, name, out byte[] target) is var errno && errno != Errno.None)
                        throw new LinuxException(errno, "readlinkat", next.ToString());
                    if (target.AsSpan().StartsWith("/"u8))
                        actual = EntryPath.Root;
                    Push(rest, target);
                    continue;
                }
                if (status is not { IsDirectory: true })
                    MakeImplied(parent, name, status is not null, next, index);
                actual = next;
            }
            finally
            {
                parent.Release();
            }
        }
        return actual;
    }

    private OpenDirectory OpenUncached(EntryPath actual)
    {
        var errno = Open(actual, out var file);
        return errno == Errno.None ? new OpenDirectory(file!, actual, throughSymlink: false) : throw new LinuxException(errno, "openat2", actual.ToString());
    }

    private static FileStatus? Status(OpenDirectory parent, ReadOnlySpan<byte> name) =>
        AttributeCalls.TryStat(parent.Number, name, out var status) switch
        {
            Errno.None => status,
            Errno.ENOENT => null,
            var errno => throw new LinuxException(errno, "statx", parent.Path.Child(name).ToString()),
        };

    private void MakeImplied(OpenDirectory parent, ReadOnlySpan<byte> name, bool exists, EntryPath path, long index)
    {
        const int Mode = 0x1ED; // 0755
        if (exists)
        {
            MakeWayForDirectory(parent, name, index, Mode);
        }
        else
        {
            var errno = NameCalls.TryMakeDirectory(parent.Number, name, Mode);
            if (errno != Errno.None)
                throw new LinuxException(errno, "mkdirat", path.ToString());
        }
        _written?.Add(path.Bytes);
        _directories.Add(path.Bytes);
        _implied.Add(path.Bytes);
        _unfinished.Add((new LayerEntry { Path = path, Kind = EntryKind.Directory, Mode = Mode }, true));
    }

    private static void Push(Stack<byte[]> rest, ReadOnlySpan<byte> path)
    {
        while (!path.IsEmpty)
        {
            int slash = path.LastIndexOf((byte)'/');
            var part = path[(slash + 1)..];
            path = slash < 0 ? default : path[..slash];
            if (!part.IsEmpty && !part.SequenceEqual("."u8))
                rest.Push(part.ToArray());
        }
    }
}
