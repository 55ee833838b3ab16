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
        // One step from a parent that is open costs the same at every depth.
        var parent = path.IsRoot ? null : _cache.Find(path.ParentBytes);
        var errno = parent is null
            ? Open(path, out var file)
            : FileCalls.TryOpenAt(parent.Number, path.Name, OpenFlags.Path | OpenFlags.Directory | OpenFlags.NoFollow, 0, out file);
        OpenDirectory directory;
        if (errno == Errno.None)
        {
            var actual = parent is null ? path : ActualPath(parent, path);
            directory = new OpenDirectory(file!, actual, throughSymlink: actual != path);
        }
        else if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
        {
            // A link, or something missing or wrong: jobs that are under way may change what is there.
            DrainAll();
            if (parent is null && Open(path.Parent, out var above) == Errno.None)
                AddToCache(path.ParentBytes, new OpenDirectory(above!, path.Parent, throughSymlink: false)); // its next child needs it, too
            directory = Walk(path, index);
            directory.ThroughSymlink = directory.Path != path;
        }
        else
        {
            throw new LinuxException(errno, "openat2", path.ToString());
        }
        AddToCache(path.Bytes, directory);
        return directory;
    }

    private void AddToCache(ReadOnlySpan<byte> path, OpenDirectory directory)
    {
        _cache.Add(path, directory);
        if (_unfinished.KeepsTimes)
            _unfinished.KeepTime(directory.Path, directory.Number);
    }

    private Errno Open(EntryPath path, out FileDescriptor? file) => RootedCalls.TryOpenInRoot(
        _root.File.Number, path.Bytes, OpenFlags.Path | OpenFlags.Directory, 0, out file, noSymlinks: true);

    /// <summary>Goes down a path component by component: follows links of this layer, makes missing directories, replaces what is in the way.</summary>
    private OpenDirectory Walk(EntryPath path, long index)
    {
        int links = 0;
        var rest = new Stack<byte[]>();
        var here = OpenDeepest(path, rest);
        try
        {
            while (rest.TryPop(out byte[]? name))
            {
                if (name.AsSpan().SequenceEqual(".."u8))
                {
                    MoveTo(ref here, OpenUncached(here.Path.Parent));
                    continue;
                }
                var next = here.Path.Child(name);
                var status = Status(here, name);
                if (status is { Type: NameCalls.TypeSymlink } && WroteInThisLayer(next))
                {
                    if (++links > MaxLinks)
                        throw StrataException.InvalidArgument($"The layer was refused: the path {path} leads through too many symbolic links.");
                    _followed.Add(next.Bytes);
                    Follow(ref here, next, rest, Math.Max(path.Depth, LayerLimits.Default.MaxPathDepth));
                    continue;
                }
                if (status is not { IsDirectory: true })
                {
                    if (_unfinished.KeepsTimes)
                        _unfinished.KeepTime(here.Path, here.Number);
                    MakeImplied(here, next, status is not null, index);
                }
                var errno = FileCalls.TryOpenAt(here.Number, name, OpenFlags.Path | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var file);
                if (errno != Errno.None)
                    throw new LinuxException(errno, "openat", next.ToString());
                MoveTo(ref here, new OpenDirectory(file!, next, throughSymlink: false));
            }
        }
        catch
        {
            here.Release();
            throw;
        }
        return here;
    }

    private void Follow(ref OpenDirectory here, EntryPath link, Stack<byte[]> rest, int maxDepth)
    {
        var errno = NameCalls.TryReadLink(here.Number, link.Name, out byte[] target);
        if (errno != Errno.None)
            throw new LinuxException(errno, "readlinkat", link.ToString());
        if (target.AsSpan().StartsWith("/"u8))
            MoveTo(ref here, OpenUncached(EntryPath.Root));
        Push(rest, target);
        if (here.Path.Depth + rest.Count > maxDepth)
            throw StrataException.InvalidArgument($"The layer was refused: a path through the symbolic link {link} has more than {maxDepth} components.");
    }

    /// <summary>
    /// Opens the deepest directory of a path that is there without a link on the way: its parent if that is open, else found by halving: a hostile layer with deep paths shall not
    /// cost a call for each component of each entry.
    /// </summary>
    private OpenDirectory OpenDeepest(EntryPath path, Stack<byte[]> rest)
    {
        if (_cache.Find(path.ParentBytes) is { } parent)
        {
            rest.Push(path.Name.ToArray());
            return new OpenDirectory(FileCalls.OpenAt(parent.File, "."u8, OpenFlags.Path | OpenFlags.Directory), parent.Path, throughSymlink: false);
        }
        var ends = new List<int> { 0 };
        for (int i = 0; i < path.Bytes.Length; i++)
        {
            if (path.Bytes[i] == (byte)'/')
                ends.Add(i);
        }
        int there = 0, notThere = ends.Count;
        var here = OpenUncached(EntryPath.Root);
        while (notThere - there > 1)
        {
            int middle = (there + notThere) / 2;
            var prefix = EntryPath.Create(path.Bytes[..ends[middle]]);
            var errno = Open(prefix, out var file);
            if (errno == Errno.None)
            {
                MoveTo(ref here, new OpenDirectory(file!, prefix, throughSymlink: false));
                there = middle;
            }
            else if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
            {
                notThere = middle;
            }
            else
            {
                here.Release();
                throw new LinuxException(errno, "openat2", prefix.ToString());
            }
        }
        Push(rest, path.Bytes[here.Path.Bytes.Length..]);
        return here;
    }

    private OpenDirectory OpenUncached(EntryPath actual)
    {
        var errno = Open(actual, out var file);
        return errno == Errno.None ? new OpenDirectory(file!, actual, throughSymlink: false) : throw new LinuxException(errno, "openat2", actual.ToString());
    }

    private static void MoveTo(ref OpenDirectory here, OpenDirectory there)
    {
        here.Release();
        here = there;
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
