using Strata.Linux;

namespace Strata.Trees;

/// <summary>Writes the entries of one layer below a root: the unpacking side of every driver that keeps folders.</summary>
/// <remarks>
/// <para>
/// A layer is literal. An entry over an existing one: a directory over a directory replaces its attributes; any other pair means that the old
/// one goes. A component of a path that is a symbolic link of this same layer is followed, inside the root; one that is a symbolic link or a
/// file of a layer below is replaced by a directory, since a driver that stacks layers could not see it. Directories that are only implied get
/// the attributes that they have below, or 0755, 0:0 and time 0. Directories of a layer below that are only written into keep all their
/// attributes, their time too; so does the root if the layer does not list it. Hard links name files of this layer, or files below, which are
/// then brought up. Attributes of a hard link entry are not applied (CVE-2021-32760). Times of directories are set at the end.
/// </para>
/// <para>
/// Nothing is reached by a joined path: parents are opened by openat2(2) below the root's descriptor, the entry itself by its name in the
/// parent, without following. What a later entry of the layer replaces is set aside for its recipe if an observer is there.
/// </para>
/// <para>
/// One thread calls <see cref="Write"/>; small files are made by threads of this object where the tree started empty. Not durable until synced.
/// After a failure the tree is half made: remove it. Memory: some megabytes for each thread, 16 bytes and overhead for each directory of the
/// layer, and where the tree did not start empty the same for each entry.
/// </para>
/// </remarks>
public sealed partial class TreeWriter : IDisposable
{
    /// <summary>The mode of a directory that no entry tells of.</summary>
    internal const int ImpliedMode = 0x1ED; // 0755

    private const int MostUnfinished = 16 * 1024;
    private readonly RootDirectory _root;
    private readonly TreeWriterOptions _options;
    private readonly Displacer _displacer;
    private readonly EntryMaker _maker;
    private readonly WriteQueue? _queue;
    private readonly OpenDirectoryCache _cache = new();
    private readonly PathSet _directories = new();
    private readonly PathSet _followed = new();
    private readonly PathSet? _written;
    private readonly UnfinishedDirectories _unfinished;

    /// <summary>Starts writing.</summary>
    /// <param name="root">The root; stays the caller's.</param>
    /// <param name="options">How.</param>
    public TreeWriter(RootDirectory root, TreeWriterOptions options)
        : this(root, options, MostUnfinished)
    {
    }

    internal TreeWriter(RootDirectory root, TreeWriterOptions options, int mostUnfinished)
    {
        _root = root;
        _options = options;
        _displacer = new Displacer(options);
        _maker = new EntryMaker(options, _displacer);
        _unfinished = new UnfinishedDirectories(root, options, _maker, HidesLower, mostUnfinished);
        _unfinished.KeepTime(EntryPath.Root, root.File.Number);
        if (options.RootStartsEmpty)
            _queue = new WriteQueue(options.Writers > 0 ? options.Writers : Environment.ProcessorCount, RunJob);
        else
            _written = new PathSet();
    }

    /// <summary>True if this layer wrote something at the path, or below it. Known only where the tree did not start empty.</summary>
    public bool WroteInThisLayer(EntryPath path) => _written?.Contains(path.Bytes) ?? true;

    /// <summary>Writes one entry: a file system object, no whiteout.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="content">Its content, read to the end before this returns; empty for all but regular files.</param>
    /// <param name="index">Which entry of the layer it is, rising: for the observer.</param>
    /// <exception cref="StrataException">
    /// Exhausted: no space. InvalidArgument: a hard link to nothing, a path that leads through too many links, a root that is no directory.
    /// Errors of earlier entries may come up here.
    /// </exception>
    public void Write(LayerEntry entry, EntryContent content, long index)
    {
        if (entry.Path.IsRoot)
        {
            WriteRoot(entry);
            return;
        }
        FinishEarlyIfFull();
        // Shared: replacing something may empty the cache, which must not close the directory that is being written to.
        var parent = ParentOf(entry.Path, index).Share();
        try
        {
            var actual = ActualPath(parent, entry.Path);
            OwnDirectories(actual);
            switch (entry.Kind)
            {
                case EntryKind.Directory:
                    WriteDirectory(parent, entry, actual, index);
                    break;
                case EntryKind.HardLink:
                    WriteHardLink(entry, actual, index);
                    break;
                case EntryKind.Whiteout or EntryKind.Opaque:
                    throw new InvalidOperationException("Whiteouts are the driver's to translate.");
                default:
                    WriteObject(parent, entry, actual, content, index);
                    break;
            }
            MarkWritten(actual);
        }
        finally
        {
            parent.Release();
        }
    }

    /// <summary>All entries came: waits for what still runs and finishes the directories.</summary>
    /// <exception cref="StrataException">The first error of an entry that has not come up yet.</exception>
    public void Complete()
    {
        DrainAll();
        _cache.Clear();
        RemoveIdleMarks();
        _unfinished.FinishAll();
    }

    /// <summary>Stops the threads. Without <see cref="Complete"/> before it, the tree is half made.</summary>
    public void Dispose()
    {
        _queue?.Dispose();
        _cache.Dispose();
        _displacer.Dispose();
    }

    private void WriteObject(OpenDirectory parent, LayerEntry entry, EntryPath actual, EntryContent content, long index)
    {
        PrepareName(parent, actual, index);
        if (parent.ThroughSymlink && content.SizeBytes > 0)
            _options.Observer?.WrittenAt(index, actual);
        if (_queue is not null && content.SizeBytes <= WriteQueue.MaxFileBytes && content.Extents is null)
        {
            _queue.Add(parent, entry, content, index);
            return;
        }
        if (_queue is null)
            _maker.Make(parent, entry, default, content, index);
        else
            _maker.MakeAhead(parent, entry, content, index, () => _queue.Drain(parent));
    }

    private void RunJob(WriteQueue.Job job, byte[] bytes)
    {
        bool directoryStands = job.Entry.Kind == EntryKind.Whiteout
            ? EntryMaker.MakePlaceholder(job.Directory.Number, job.Entry.Path)
            : !_maker.Make(job.Directory, job.Entry, bytes.AsSpan(job.Start, job.Length), null, job.Index);
        // A later entry's directory was made ahead. What this entry is would have hidden the layers below from it.
        if (directoryStands && _options.OpaqueMark is not null)
            SetOpaque(job.Directory.Number, job.Entry.Path.Name);
    }

    /// <summary>
    /// Makes sure that a name is free for something that is no directory, as far as this thread must see to it: a directory that stands there
    /// goes, and a link that directories were reached through. Other things are dealt with where the new one is made, in the order of the
    /// directory's entries.
    /// </summary>
    private void PrepareName(OpenDirectory parent, EntryPath actual, long index)
    {
        if (_written is null && !_directories.Contains(actual.Bytes) && !_followed.Contains(actual.Bytes))
            return;
        DrainAll();
        if (Status(parent, actual.Name) is not { } status)
            return;
        _displacer.Clear(parent, actual.Name, status, index, ofThisLayer: !_maker.IsPlaceholder(status) && WroteInThisLayer(actual));
        _directories.Remove(actual.Bytes);
        if (status.IsDirectory || status.Type == NameCalls.TypeSymlink)
            _cache.Clear();
    }

    private void MarkWritten(EntryPath actual)
    {
        if (_written is null)
            return;
        _written.Add(actual.Bytes);
        for (var bytes = actual.ParentBytes; !bytes.IsEmpty && _written.Add(bytes);)
        {
            int slash = bytes.LastIndexOf((byte)'/');
            bytes = slash < 0 ? default : bytes[..slash];
        }
    }

    private void DrainAll()
    {
        if (_queue is null)
            return;
        _queue.DrainAll();
        _maker.ForgetAhead();
    }

    private void FinishEarlyIfFull()
    {
        if (!_unfinished.IsFull)
            return;
        DrainAll();
        _cache.Clear();
        _unfinished.FinishEarly();
    }

    private static EntryPath ActualPath(OpenDirectory parent, EntryPath path) => parent.ThroughSymlink ? parent.Path.Child(path.Name) : path;

    private static FileStatus? Status(OpenDirectory parent, ReadOnlySpan<byte> name) =>
        AttributeCalls.TryStat(parent.Number, name, out var status) switch
        {
            Errno.None => status,
            Errno.ENOENT => null,
            var errno => throw new LinuxException(errno, "statx", parent.Path.Child(name).ToString()),
        };
}
