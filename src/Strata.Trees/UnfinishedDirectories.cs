using Strata.Linux;

namespace Strata.Trees;

/// <summary>
/// The directories whose last attributes wait for the end: writing into a directory changes its time, and a default access list or setgid would
/// be passed on to what is made in it. Memory is bounded: past a number of directories those that can be are finished early, and one that is
/// written to again afterwards is noted again, with the time it had.
/// </summary>
internal sealed class UnfinishedDirectories
{
    private const int SetGid = 0x400;
    private readonly RootDirectory _root;
    private readonly TreeWriterOptions _options;
    private readonly EntryMaker _maker;
    private readonly Func<EntryPath, bool> _hidesLower;
    private readonly int _most;
    private readonly List<Item> _items = [];
    private PathSet _noted = new();
    private int _full;

    /// <param name="root">The tree's root.</param>
    /// <param name="options">The writer's options.</param>
    /// <param name="maker">Sets attributes.</param>
    /// <param name="hidesLower">Whether the layer hides what the layers below have at a path; asked when a directory is finished.</param>
    /// <param name="most">How many are kept before they are finished early.</param>
    internal UnfinishedDirectories(RootDirectory root, TreeWriterOptions options, EntryMaker maker, Func<EntryPath, bool> hidesLower, int most)
    {
        _root = root;
        _options = options;
        _maker = maker;
        _hidesLower = hidesLower;
        _most = _full = most;
        KeepsTimes = !options.RootStartsEmpty;
    }

    /// <summary>True if there may be directories that are not noted here, whose times must not change.</summary>
    internal bool KeepsTimes { get; private set; }

    /// <summary>True if it is time for <see cref="FinishEarly"/>.</summary>
    internal bool IsFull => _items.Count >= _full;

    /// <summary>An entry of the layer made or changed a directory.</summary>
    internal void AddListed(LayerEntry entry, EntryPath actual) => Add(new Item(actual, entry, default, How.Listed));

    /// <summary>A directory was made because something below it came.</summary>
    /// <param name="path">Where.</param>
    /// <param name="hidesLower">True: it replaces something, so it does not look as one that the layers below have there.</param>
    internal void AddImplied(EntryPath path, bool hidesLower) => Add(new Item(path, null, default, hidesLower ? How.Fresh : How.Implied));

    /// <summary>A directory that stood there before is about to be written to: it must get its time back.</summary>
    internal void KeepTime(EntryPath path, int directory)
    {
        if (_noted.Contains(path.Bytes))
            return;
        var errno = AttributeCalls.TryStat(directory, default, out var status);
        if (errno != Errno.None)
            throw new LinuxException(errno, "statx", path.ToString());
        Add(new Item(path, null, status.Mtime, How.Touched));
    }

    /// <summary>Finishes what can be finished although more may come. Nobody may hold or use a directory of the tree meanwhile.</summary>
    internal void FinishEarly()
    {
        var kept = _items.FindAll(item => item.Entry is { } entry && ((entry.Mode & SetGid) != 0 || entry.Xattrs.Any(x => EntryMaker.IsInherited(x.Name))));
        _noted = new PathSet();
        var done = new PathSet();
        foreach (var item in kept)
        {
            _noted.Add(item.Path.Bytes);
            done.Add(item.Path.Bytes);
        }
        Finish(done);
        _items.AddRange(kept);
        _full = _most + (2 * kept.Count); // not full again at once
        KeepsTimes = true;
    }

    /// <summary>Finishes all.</summary>
    internal void FinishAll() => Finish(new PathSet());

    /// <summary>From the last to the first: what was noted last of a path is what it is; the rest tells of what stood there before.</summary>
    private void Finish(PathSet done)
    {
        for (int i = _items.Count - 1; i >= 0; i--)
        {
            if (done.Add(_items[i].Path.Bytes))
                Finish(_items[i]);
        }
        _items.Clear();
    }

    private void Finish(Item item)
    {
        // No link on the way: where a later entry put one, this directory is gone, and what the link leads to is none of its business.
        var errno = RootedCalls.TryOpenInRoot(
            _root.File.Number, item.Path.Bytes, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var file, noSymlinks: true);
        if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
            return; // replaced or removed by a later entry
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", item.Path.ToString());
        using var directory = file!;
        if (item.How == How.Touched)
        {
            errno = AttributeCalls.TrySetTime(directory.Number, item.Time);
            if (errno != Errno.None)
                throw new LinuxException(errno, "utimensat", item.Path.ToString());
            return;
        }
        if (item.Entry is { } entry)
        {
            _maker.FinishDirectory(directory, entry, whole: false);
            return;
        }
        var lower = item.How == How.Implied && !_hidesLower(item.Path) ? _options.LowerDirectory?.Invoke(item.Path) : null;
        _maker.FinishDirectory(directory, lower ?? new LayerEntry { Path = item.Path, Kind = EntryKind.Directory, Mode = TreeWriter.ImpliedMode }, whole: true);
    }

    private void Add(Item item)
    {
        _items.Add(item);
        _noted.Add(item.Path.Bytes);
    }

    private enum How
    {
        Listed,
        Implied,
        Fresh,
        Touched,
    }

    private readonly record struct Item(EntryPath Path, LayerEntry? Entry, FileTime Time, How How);
}
