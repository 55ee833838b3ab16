using Strata.Linux;

namespace Strata.Trees;

/// <summary>Writes the entries of one layer below a root: the unpacking side of every driver that keeps folders.</summary>
/// <remarks>
/// <para>
/// A layer is literal. An entry over an existing one: a directory over a directory replaces its attributes; any other pair means that the old
/// one goes. A component of a path that is a symbolic link of this same layer is followed, inside the root; one that is a symbolic link or a
/// file of a layer below is replaced by a directory, since a driver that stacks layers could not see it. Directories that are only implied get
/// the attributes that they have below, or 0755, 0:0 and time 0. Hard links name files of this layer, or files below, which are then brought
/// up. Attributes of a hard link entry are not applied (CVE-2021-32760). Times of directories are set at the end.
/// </para>
/// <para>
/// Nothing is reached by a joined path: parents are opened by openat2(2) below the root's descriptor, the entry itself by its name in the
/// parent, without following. What a later entry of the layer replaces is set aside for its recipe if an observer is there.
/// </para>
/// <para>
/// One thread calls <see cref="Write"/>; small files are made by threads of this object where the tree started empty. Not durable until synced.
/// After a failure the tree is half made: remove it.
/// </para>
/// </remarks>
public sealed partial class TreeWriter : IDisposable
{
    private readonly RootDirectory _root;
    private readonly TreeWriterOptions _options;
    private readonly Displacer _displacer;
    private readonly EntryMaker _maker;
    private readonly WriteQueue? _queue;
    private readonly OpenDirectoryCache _cache = new();
    private readonly PathSet _directories = new();
    private readonly PathSet _implied = new();
    private readonly PathSet? _written;
    private readonly List<(LayerEntry Entry, bool Implied)> _unfinished = [];
    private bool _firstWrite;
    private EntryPath _lastMarked;

    /// <summary>Starts writing.</summary>
    /// <param name="root">The root; stays the caller's.</param>
    /// <param name="options">How.</param>
    public TreeWriter(RootDirectory root, TreeWriterOptions options)
    {
        _root = root;
        _options = options;
        _displacer = new Displacer(options);
        _maker = new EntryMaker(options, _displacer);
        if (options.RootStartsEmpty)
            _queue = new WriteQueue(options.Writers > 0 ? options.Writers : Environment.ProcessorCount, RunJob);
        else
            _written = new PathSet();
    }

    /// <summary>True if this layer wrote something at the path, or below it. Known only where the tree did not start empty.</summary>
    public bool WroteInThisLayer(EntryPath path) => _written?.Contains(path.Bytes) ?? true;

    /// <summary>Writes one entry: a file system object, no whiteout.</summary>
    /// <exception cref="StrataException">Exhausted: no space. InvalidArgument: a hard link to nothing. Errors of earlier entries may come up here.</exception>
    public void Write(LayerEntry entry, EntryContent content, long index)
    {
        if (entry.Path.IsRoot)
        {
            _maker.BeginDirectory(_root.File.Number, "."u8, entry, existed: true);
            _unfinished.Add((entry, false));
            return;
        }
        var parent = ParentOf(entry.Path, index);
        MarkWritten(entry.Path, parent);
        switch (entry.Kind)
        {
            case EntryKind.Directory:
                WriteDirectory(parent, entry, index);
                break;
            case EntryKind.HardLink:
                WriteHardLink(parent, entry, index);
                break;
            case EntryKind.Whiteout or EntryKind.Opaque:
                throw new InvalidOperationException("Whiteouts are the driver's to translate.");
            default:
                PrepareName(parent, entry.Path.Name, index);
                if (parent.ThroughSymlink && content.SizeBytes > 0)
                    _options.Observer?.WrittenAt(index, parent.Path.Child(entry.Path.Name));
                if (_queue is not null && content.SizeBytes <= WriteQueue.MaxFileBytes && content.Extents is null)
                {
                    _queue.Add(parent, entry, content, index);
                    break;
                }
                _queue?.Drain(parent);
                _maker.Make(parent, entry, default, content, index);
                break;
        }
    }

    /// <summary>
    /// Marks a path as removed from the layers below: a character device 0:0, unless this layer holds something there; then a directory becomes
    /// opaque, and nothing else is needed.
    /// </summary>
    public void WritePlaceholder(EntryPath path, long index)
    {
        var parent = ParentOf(path, index);
        if (_directories.Contains(parent.Path.Child(path.Name).Bytes))
        {
            SetOpaque(parent, path.Name);
            return;
        }
        _queue!.Add(parent, new LayerEntry { Path = path, Kind = EntryKind.Whiteout }, EntryContent.Empty, index);
    }

    /// <summary>Marks a directory as opaque, and makes it if it is not there.</summary>
    public void MarkOpaque(EntryPath directory, long index)
    {
        if (directory.IsRoot)
        {
            SetOpaque(_root.File.Number, "."u8);
            return;
        }
        SetOpaque(Resolve(directory, index).Number, "."u8);
    }

    /// <summary>All entries came: waits for what still runs and finishes the directories.</summary>
    public void Complete()
    {
        _queue?.DrainAll();
        _cache.Clear();
        foreach (var (entry, implied) in _unfinished)
        {
            if (implied && !_implied.Contains(entry.Path.Bytes))
                continue; // listed after all, later
            var errno = RootedCalls.TryOpenInRoot(
                _root.File.Number, entry.Path.Bytes, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var file);
            if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
                continue; // replaced by a later entry
            if (errno != Errno.None)
                throw new LinuxException(errno, "open", entry.Path.ToString());
            using (file)
            {
                var lower = implied ? _options.LowerDirectory?.Invoke(entry.Path) : null;
                _maker.FinishDirectory(file!, lower ?? entry, whole: lower is not null || (implied && _options.Ownership == Ownership.Override));
            }
        }
        _unfinished.Clear();
    }

    /// <summary>Stops the threads. Without <see cref="Complete"/> before it, the tree is half made.</summary>
    public void Dispose()
    {
        _queue?.Dispose();
        _cache.Dispose();
        _displacer.Dispose();
    }

    private void RunJob(WriteQueue.Job job, byte[] bytes)
    {
        if (job.Entry.Kind != EntryKind.Whiteout)
            _maker.Make(job.Directory, job.Entry, bytes.AsSpan(job.Start, job.Length), null, job.Index);
        else if (EntryMaker.MakePlaceholder(job.Directory, job.Entry.Path))
            SetOpaque(job.Directory, job.Entry.Path.Name);
    }

    private void WriteDirectory(OpenDirectory parent, LayerEntry entry, long index)
    {
        var actual = parent.Path.Child(entry.Path.Name);
        var name = entry.Path.Name;
        var errno = NameCalls.TryMakeDirectory(parent.Number, name, _maker.DirectoryMode(entry.Mode) & 0x1FF);
        bool existed = errno == Errno.EEXIST;
        if (existed)
        {
            _queue?.Drain(parent);
            existed = MakeWayForDirectory(parent, name, index, _maker.DirectoryMode(entry.Mode) & 0x1FF);
        }
        else if (errno != Errno.None)
        {
            throw new LinuxException(errno, "mkdirat", entry.ToString());
        }
        _directories.Add(actual.Bytes);
        _implied.Remove(actual.Bytes);
        if (existed && _written is not null)
            RemoveXattrs(parent, name);
        _maker.BeginDirectory(parent.Number, name, entry, existed);
        _unfinished.Add((At(entry, actual), false));
    }

    /// <summary>A name that a directory is to get is taken: keeps a directory (true), replaces anything else by a new one (false).</summary>
    private bool MakeWayForDirectory(OpenDirectory parent, ReadOnlySpan<byte> name, long index, int mode)
    {
        var errno = AttributeCalls.TryStat(parent.Number, name, out var status);
        if (errno == Errno.None && status.IsDirectory)
            return true;
        if (errno == Errno.None)
        {
            _displacer.Clear(parent, name, status, index, ofThisLayer: !_maker.IsPlaceholder(status) && WroteBefore(parent, name));
            _cache.Clear();
        }
        errno = NameCalls.TryMakeDirectory(parent.Number, name, mode);
        if (errno != Errno.None)
            throw new LinuxException(errno, "mkdirat", parent.Path.Child(name).ToString());
        // What stood there hid the layers below; the directory must go on hiding them.
        if (_options.OpaqueMark is not null)
            SetOpaque(parent, name);
        return false;
    }

    private void WriteHardLink(OpenDirectory parent, LayerEntry entry, long index)
    {
        _queue?.DrainAll();
        var target = entry.HardLinkTarget;
        var targetParent = ParentOf(target, index).Share();
        try
        {
            var errno = AttributeCalls.TryStat(targetParent.Number, target.Name, out var status);
            bool missing = errno == Errno.ENOENT || (errno == Errno.None && _maker.IsPlaceholder(status));
            if (missing && _options.BringUp?.Invoke(targetParent.Path.Child(target.Name)) == true)
                errno = AttributeCalls.TryStat(targetParent.Number, target.Name, out status);
            else if (missing)
                errno = Errno.ENOENT;
            if (errno != Errno.None || status.IsDirectory)
            {
                throw StrataException.InvalidArgument(
                    $"The layer was refused: the hard link {entry.Path} names {target}, which {(errno == Errno.None ? "is a directory" : "is neither in this layer nor below it")}.");
            }
            // The parent of the link may have been opened before the target's was made or replaced: look again.
            parent = ParentOf(entry.Path, index);
            PrepareName(parent, entry.Path.Name, index);
            errno = NameCalls.TryLink(targetParent.Number, target.Name, parent.Number, entry.Path.Name);
            if (errno == Errno.EEXIST)
            {
                if (AttributeCalls.TryStat(parent.Number, entry.Path.Name, out var old) == Errno.None)
                {
                    if (old.Inode == status.Inode && old.Device == status.Device)
                        return; // linked already
                    _displacer.Clear(parent, entry.Path.Name, old, index, ofThisLayer: !_maker.IsPlaceholder(old));
                }
                errno = NameCalls.TryLink(targetParent.Number, target.Name, parent.Number, entry.Path.Name);
            }
            if (errno != Errno.None)
                throw new LinuxException(errno, "linkat", entry.ToString());
        }
        finally
        {
            targetParent.Release();
        }
    }

    /// <summary>
    /// Makes sure that a name is free for something that is no directory, as far as this thread must see to it: a directory that stands there
    /// goes. Other things are dealt with where the new one is made, in the order of the directory's entries.
    /// </summary>
    private void PrepareName(OpenDirectory parent, ReadOnlySpan<byte> name, long index)
    {
        var actual = parent.Path.Child(name);
        if (_written is null && !_directories.Contains(actual.Bytes))
            return;
        _queue?.DrainAll();
        if (AttributeCalls.TryStat(parent.Number, name, out var status) != Errno.None)
            return;
        if (_written is null && !status.IsDirectory)
            return;
        _displacer.Clear(parent, name, status, index, WroteBefore(parent, name));
        _directories.Remove(actual.Bytes);
        if (status.IsDirectory || status.Type == NameCalls.TypeSymlink)
            _cache.Clear();
    }

    /// <summary>True if an earlier entry of this layer made what stands at a name; the current one is noted already.</summary>
    private bool WroteBefore(OpenDirectory parent, ReadOnlySpan<byte> name)
    {
        if (_written is null)
            return true;
        var actual = parent.Path.Child(name);
        return actual == _lastMarked ? !_firstWrite : _written.Contains(actual.Bytes);
    }

    private void MarkWritten(EntryPath path, OpenDirectory parent)
    {
        if (_written is null)
            return;
        var actual = parent.Path.Child(path.Name);
        _lastMarked = actual;
        _firstWrite = _written.Add(actual.Bytes);
        for (var bytes = actual.ParentBytes; !bytes.IsEmpty && _written.Add(bytes);)
        {
            int slash = bytes.LastIndexOf((byte)'/');
            bytes = slash < 0 ? default : bytes[..slash];
        }
    }

    private void SetOpaque(OpenDirectory parent, ReadOnlySpan<byte> name) => SetOpaque(parent.Number, name);

    private void SetOpaque(int directory, ReadOnlySpan<byte> name)
    {
        var mark = _options.OpaqueMark ?? throw new InvalidOperationException("No opaque mark was given.");
        var errno = XattrCalls.TrySetAt(directory, name, mark.Name, mark.Value);
        if (errno != Errno.None)
            throw new LinuxException(errno, "setxattr", EntryPath.Display(mark.Name));
    }

    private static void RemoveXattrs(OpenDirectory parent, ReadOnlySpan<byte> name)
    {
        var errno = FileCalls.TryOpenAt(parent.Number, name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var directory);
        if (errno != Errno.None)
            throw new LinuxException(errno, "openat", parent.Path.Child(name).ToString());
        using var opened = directory!;
        foreach (var xattr in XattrCalls.GetAll(opened.Number, "."u8))
        {
            if (!xattr.Name.AsSpan().StartsWith("security.selinux"u8))
                _ = XattrCalls.TryRemove(opened.Number, xattr.Name); // what can't be removed is the file system's own
        }
    }

    private static LayerEntry At(LayerEntry entry, EntryPath path) => entry.Path == path
        ? entry
        : new LayerEntry { Path = path, Kind = entry.Kind, Mode = entry.Mode, Uid = entry.Uid, Gid = entry.Gid, Mtime = entry.Mtime, Xattrs = entry.Xattrs };
}
