using Strata.Linux;

namespace Strata.Trees;

/// <content>What hides the layers below: by marks where the layer has a tree of its own, by removing where it is written over theirs.</content>
public sealed partial class TreeWriter
{
    private readonly PathSet _removed = new();
    private readonly PathSet _opaque = new();
    private readonly HashSet<EntryPath> _placeholdersIn = [];
    private readonly List<(EntryPath Path, FileStatus Status)> _broughtUp = [];
    private readonly HashSet<EntryPath> _asBelow = [];
    private bool _namesBelow;

    /// <summary>
    /// Removes a path of the layers below; what this layer itself wrote there, before or after, stays. In a tree of its own: a character device
    /// 0:0, or an opaque directory. In a tree that holds the layers below: they are removed.
    /// </summary>
    /// <param name="path">What is removed below.</param>
    /// <param name="index">Which entry of the layer it is.</param>
    public void WritePlaceholder(EntryPath path, long index)
    {
        FinishEarlyIfFull();
        var parent = ParentBelow(path, index).Share();
        try
        {
            var actual = ActualPath(parent, path);
            if (HidesLower(parent.Path))
                OwnDirectories(parent.Path);
            _removed.Add(actual.Bytes);
            if (_queue is not null)
                _placeholdersIn.Add(parent.Path);
            if (_queue is null)
                RemoveLower(parent, actual);
            else if (_directories.Contains(actual.Bytes))
                SetOpaque(parent.Number, actual.Name);
            else
                _queue.Add(parent, new LayerEntry { Path = path, Kind = EntryKind.Whiteout }, EntryContent.Empty, index);
        }
        finally
        {
            parent.Release();
        }
    }

    /// <summary>
    /// Hides all that the layers below have in a directory, which is made if it is not there; what this layer itself wrote in it stays.
    /// In a tree of its own: the opaque mark. In a tree that holds the layers below: their children are removed.
    /// </summary>
    /// <param name="directory">The directory.</param>
    /// <param name="index">Which entry of the layer it is.</param>
    public void MarkOpaque(EntryPath directory, long index)
    {
        FinishEarlyIfFull();
        var opened = Resolve(directory, index).Share();
        try
        {
            OwnDirectories(opened.Path);
            _opaque.Add(opened.Path.Bytes);
            if (_queue is null)
                RemoveLowerChildren(opened);
            else
                SetOpaque(opened.Number, "."u8);
        }
        finally
        {
            opened.Release();
        }
    }

    /// <summary>
    /// True if the layer, by what came so far, hides what the layers below have at a path: it or a directory above it was removed, or a directory
    /// above it is opaque.
    /// </summary>
    private bool HidesLower(EntryPath actual)
    {
        if (_removed.Count == 0 && _opaque.Count == 0)
            return false;
        if (_removed.Contains(actual.Bytes))
            return true;
        for (var bytes = actual.Bytes; !bytes.IsEmpty;)
        {
            int slash = bytes.LastIndexOf((byte)'/');
            bytes = slash < 0 ? default : bytes[..slash];
            if (_opaque.Contains(bytes) || (!bytes.IsEmpty && _removed.Contains(bytes)))
                return true;
        }
        return false;
    }

    /// <summary>
    /// Takes back what a later entry of the layer made wrong: files that were brought up for a hard link from what the layer hides after all,
    /// placeholders in directories where nothing lies below, and directories that were only made for these two. overlayfs lists the placeholders'
    /// names, since it reads such a directory as it is.
    /// </summary>
    private void RemoveIdleMarks()
    {
        foreach (var (path, brought) in _broughtUp)
        {
            if (HidesLower(path))
                TakeBack(path, now => now.Inode == brought.Inode && now.Device == brought.Device);
        }
        foreach (var directory in _placeholdersIn)
        {
            bool nothingBelow = _opaque.Contains(directory.Bytes) || HidesLower(directory)
                || (!directory.IsRoot && _options.LowerDirectory is { } lower && lower(directory) is null);
            if (!nothingBelow || Open(directory, out var found) != Errno.None)
                continue;
            using (found)
                RemovePlaceholders(found!);
        }
        // The deepest first: each is empty if all that was in it is gone.
        foreach (var path in _asBelow.OrderByDescending(path => path.Depth))
        {
            if (HidesLower(path) && _options.LowerDirectory?.Invoke(path) is not null)
                TakeBack(path, now => now.IsDirectory);
        }
    }

    /// <summary>
    /// The directory of what the layer names below: a link's target, something it removes. One that is made for it is not the layer's own: it
    /// goes again if the layer hides later what is below, and nothing else of the layer came to be in it.
    /// </summary>
    private OpenDirectory ParentBelow(EntryPath path, long index)
    {
        _namesBelow = true;
        try
        {
            return ParentOf(path, index);
        }
        finally
        {
            _namesBelow = false;
        }
    }

    /// <summary>Something of the layer stands at a path: the directories on the way to it are the layer's own.</summary>
    private void OwnDirectories(EntryPath actual)
    {
        if (_asBelow.Count == 0)
            return;
        for (var path = actual; !path.IsRoot; path = path.Parent)
            _asBelow.Remove(path);
    }

    /// <summary>Removes a file or an empty directory, if it is still what it was; what the layer removes there is removed again.</summary>
    private void TakeBack(EntryPath path, Func<FileStatus, bool> isWhatItWas)
    {
        using var parent = TryOpenParent(path);
        if (parent is null || AttributeCalls.TryStat(parent.Number, path.Name, out var now) != Errno.None || !isWhatItWas(now))
            return;
        if (_unfinished.KeepsTimes)
            _unfinished.KeepTime(path.Parent, parent.Number);
        var errno = now.IsDirectory ? NameCalls.TryRemoveDirectory(parent.Number, path.Name) : NameCalls.TryUnlink(parent.Number, path.Name);
        if (errno == Errno.ENOTEMPTY)
            return; // something else of the layer came to be in it
        if (errno != Errno.None)
            throw new LinuxException(errno, "unlinkat", path.ToString());
        if (_removed.Contains(path.Bytes) && !_opaque.Contains(path.ParentBytes) && !HidesLower(path.Parent))
            EntryMaker.MakePlaceholder(parent.Number, path);
    }

    private void RemovePlaceholders(FileDescriptor directory)
    {
        using var readable = FileCalls.OpenAt(directory, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        var names = new List<byte[]>();
        using (var reader = new DirectoryReader(readable))
        {
            while (reader.MoveNext())
            {
                if (reader.Type is NameCalls.TypeCharDevice or 0)
                    names.Add(reader.Name.ToArray());
            }
        }
        foreach (byte[] name in names)
        {
            if (AttributeCalls.TryStat(readable.Number, name, out var status) == Errno.None && _maker.IsPlaceholder(status))
                TreeRemover.Remove(readable.Number, name);
        }
    }

    private FileDescriptor? TryOpenParent(EntryPath path) => Open(path.Parent, out var parent) == Errno.None ? parent : null;

    private void SetOpaque(int directory, ReadOnlySpan<byte> name)
    {
        var mark = _options.OpaqueMark ?? throw new InvalidOperationException("No opaque mark was given.");
        // An O_PATH descriptor can't take attributes itself: its "." can.
        var errno = XattrCalls.TrySetAt(directory, name, mark.Name, mark.Value);
        if (errno != Errno.None)
            throw new LinuxException(errno, "setxattr", EntryPath.Display(mark.Name));
    }

    private void RemoveLower(OpenDirectory parent, EntryPath actual)
    {
        if (!WroteInThisLayer(actual))
        {
            bool directory = Status(parent, actual.Name) is { IsDirectory: true };
            TreeRemover.Remove(parent.Number, actual.Name);
            if (directory)
                _cache.Clear(); // it, or one below it, may have been opened for a link's target or a removal
            return;
        }
        if (Status(parent, actual.Name) is not { IsDirectory: true })
            return; // this layer's own
        if (_directories.Add(actual.Bytes))
        {
            // It stood below, and the layer implies it only: without what was below it looks as a new one.
            RemoveXattrs(parent, actual);
            _unfinished.AddImplied(actual, hidesLower: true);
        }
        var errno = FileCalls.TryOpenAt(
            parent.Number, actual.Name, OpenFlags.Path | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var file);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", actual.ToString());
        var kept = new OpenDirectory(file!, actual, throughSymlink: false);
        try
        {
            RemoveLowerChildren(kept);
        }
        finally
        {
            kept.Release();
        }
    }

    private void RemoveLowerChildren(OpenDirectory directory)
    {
        _unfinished.KeepTime(directory.Path, directory.Number);
        var names = new List<byte[]>();
        var errno = FileCalls.TryOpenAt(directory.Number, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var readable);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", directory.Path.ToString());
        using (readable)
        using (var reader = new DirectoryReader(readable!))
        {
            while (reader.MoveNext())
                names.Add(reader.Name.ToArray());
        }
        foreach (byte[] name in names)
            RemoveLower(directory, directory.Path.Child(name));
    }
}
