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
            DrainAll();
            actual = Walk(path, index);
            errno = Open(actual, out file);
        }
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat2", path.ToString());
        var directory = new OpenDirectory(file!, actual, throughSymlink: actual != path);
        _cache.Add(path.Bytes, directory);
        if (_unfinished.KeepsTimes)
            _unfinished.KeepTime(actual, directory.Number);
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
            if (next.Depth > Math.Max(path.Depth, LayerLimits.Default.MaxPathDepth))
                throw StrataException.InvalidArgument($"The layer was refused: the path {path} leads too deep through symbolic links.");
            var parent = OpenUncached(actual);
            try
            {
                var status = Status(parent, name);
                if (status is { Type: NameCalls.TypeSymlink } && WroteInThisLayer(next))
                {
                    _followed.Add(next.Bytes);
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
                {
                    if (_unfinished.KeepsTimes)
                        _unfinished.KeepTime(actual, parent.Number);
                    MakeImplied(parent, next, status is not null, index);
                }
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
