namespace Strata.Formats.Erofs;

/// <summary>Writes a whole tree as one self-contained EROFS image, from entries in depth-first order: for virtual machines, to be mounted anywhere.</summary>
/// <remarks>
/// <para>Blocks have 4,096 bytes; the files' data lies in the image, inodes in runs between it. One pass, in bounded memory: about 3 MB, and the
/// names in those directories that lie on the way from the root to the current entry. The same entries give the same bytes.</para>
/// <example><code>
/// var writer = new ErofsTreeWriter(file);
/// while (source.MoveNext(cancellationToken))
///     writer.Add(source.Current, source.OpenContent(), cancellationToken);
/// writer.Complete();
/// </code></example>
/// <para>After a failure what was written is no image. Not safe for many threads.</para>
/// </remarks>
public sealed class ErofsTreeWriter
{
    private const int RunBytes = 64 * 1024;
    private const int ImpliedMode = 0x1ED;
    private readonly ErofsImageWriter _writer;
    private readonly Action<EntryPath, Xattr>? _leftOut;
    private readonly Stack<Level> _open = new();

    /// <summary>Starts an image.</summary>
    /// <param name="destination">Readable, writable, seekable and empty; not owned.</param>
    /// <param name="leftOut">Told of each extended attribute that EROFS can't hold (see <see cref="ErofsImageWriter.CanStore"/>); null: such a one is an error.</param>
    /// <exception cref="StrataException">InvalidArgument: the stream does not serve.</exception>
    public ErofsTreeWriter(Stream destination, Action<EntryPath, Xattr>? leftOut = null)
    {
        _writer = new ErofsImageWriter(destination, new ErofsWriterOptions { BlockBits = 12 }, RunBytes);
        _leftOut = leftOut;
    }

    /// <summary>Adds an entry.</summary>
    /// <param name="entry">What a file system can hold; directories before what is in them, names in the order of their bytes.</param>
    /// <param name="content">A regular file's data; not read for others.</param>
    /// <param name="cancellationToken">Checked at every piece of data.</param>
    /// <exception cref="StrataException">
    /// InvalidArgument: the entry is out of order, a whiteout, or a link to what did not come before it. NotSupported, Exhausted, Corrupt: as
    /// <see cref="ErofsImageWriter"/> says.
    /// </exception>
    public void Add(LayerEntry entry, EntryContent content, CancellationToken cancellationToken = default)
    {
        if (entry.Path.IsRoot)
        {
            if (entry.Kind != EntryKind.Directory || _open.Count > 0)
                throw Refuse(entry, "the root is a directory, and comes first");
            _open.Push(new Level(entry.Path, AttributesOf(entry)));
            return;
        }
        Open(entry.Path);
        var parent = _open.Peek();
        if (entry.Kind == EntryKind.Directory)
        {
            _open.Push(new Level(entry.Path, AttributesOf(entry)));
            return;
        }
        var (node, kind) = entry.Kind == EntryKind.HardLink ? Link(entry) : (AddInode(entry, content, cancellationToken), entry.Kind);
        parent.Add(entry.Path.Name, node, kind);
    }

    /// <summary>Finishes the image.</summary>
    public void Complete()
    {
        if (_open.Count == 0)
            _open.Push(Implied(EntryPath.Root));
        while (_open.Count > 1)
            Close();
        _writer.Complete(Write(_open.Pop(), isRoot: true, out _));
    }

    private static Level Implied(EntryPath path) => new(path, new ErofsAttributes(ImpliedMode, 0, 0, default, []));

    private static StrataException Refuse(LayerEntry entry, string why) => StrataException.InvalidArgument($"{entry} can't be written to an EROFS image: {why}.");

    /// <summary>Closes directories that are whole, and opens those that a path implies.</summary>
    private void Open(EntryPath path)
    {
        if (_open.Count == 0)
            _open.Push(Implied(EntryPath.Root));
        while (!path.IsAtOrBelow(_open.Peek().Path))
            Close();
        var implied = new Stack<EntryPath>();
        for (var parent = path.Parent; parent != _open.Peek().Path; parent = parent.Parent)
        {
            if (parent.IsRoot)
                throw StrataException.InvalidArgument($"{path} can't be written to an EROFS image: it came before already.");
            implied.Push(parent);
        }
        foreach (var directory in implied)
            _open.Push(Implied(directory));
    }

    private void Close()
    {
        var done = _open.Pop();
        var node = Write(done, isRoot: false, out long parentPlace);
        _open.Peek().AddDirectory(done.Path.Name, node, parentPlace);
    }

    private ErofsNode Write(Level level, bool isRoot, out long parentPlace)
    {
        var node = _writer.PlanDirectory(level.Attributes, level.Children.Count, level.NameBytes, isRoot);
        // The parent of any but the root has no number yet: it writes it when it gets one.
        _writer.WriteDirectory(node, node, (uint)level.ParentPlaces.Count + 2, level.Children, out parentPlace);
        foreach (long place in level.ParentPlaces)
            _writer.SetParent(place, node);
        return node;
    }

    private ErofsNode AddInode(LayerEntry entry, EntryContent content, CancellationToken cancellationToken)
    {
        var attributes = AttributesOf(entry);
        return entry.Kind switch
        {
            EntryKind.RegularFile when content.SizeBytes != entry.SizeBytes => throw Refuse(entry, $"its size is {entry.SizeBytes}, and its content's {content.SizeBytes}"),
            EntryKind.RegularFile => _writer.AddFile(attributes, content, cancellationToken),
            EntryKind.Symlink => _writer.AddSymlink(attributes, entry.LinkTarget),
            EntryKind.CharDevice or EntryKind.BlockDevice => _writer.AddDevice(attributes, entry.Kind, entry.DeviceMajor, entry.DeviceMinor),
            EntryKind.Fifo => _writer.AddFifo(attributes),
            EntryKind.Socket => _writer.AddSocket(attributes),
            _ => throw Refuse(entry, "a whole tree has no marks of removal"),
        };
    }

    /// <summary>Finds what a hard link links to, without a table of all files: in the open directories, else in what is written.</summary>
    private (ErofsNode Node, EntryKind Kind) Link(LayerEntry entry)
    {
        var target = entry.HardLinkTarget;
        var level = _open.First(l => target.IsAtOrBelow(l.Path)); // the innermost; the root holds everything
        var rest = target.Bytes[(level.Path.IsRoot ? 0 : Math.Min(level.Path.Bytes.Length + 1, target.Bytes.Length))..];
        (ErofsNode Node, EntryKind Kind)? found = null;
        while (!rest.IsEmpty)
        {
            int slash = rest.IndexOf((byte)'/');
            var name = slash < 0 ? rest : rest[..slash];
            rest = slash < 0 ? default : rest[(slash + 1)..];
            found = found is { } inside
                ? inside.Kind == EntryKind.Directory ? _writer.FindChild(inside.Node, name) : null
                : level.Find(name);
            if (found is null)
                break;
        }
        if (found is not { } node || node.Kind == EntryKind.Directory)
            throw Refuse(entry, $"it is a hard link to {target}, and no such file came before it");
        _writer.AddLink(node.Node);
        return node;
    }

    private ErofsAttributes AttributesOf(LayerEntry entry)
    {
        var xattrs = entry.Xattrs;
        if (_leftOut is not null && xattrs.Any(x => !ErofsImageWriter.CanStore(x)))
        {
            foreach (var xattr in xattrs.Where(x => !ErofsImageWriter.CanStore(x)))
                _leftOut(entry.Path, xattr);
            xattrs = [.. xattrs.Where(ErofsImageWriter.CanStore)];
        }
        return new ErofsAttributes(entry.Mode, entry.Uid, entry.Gid, entry.Mtime, xattrs);
    }

    /// <summary>A directory that is not whole yet.</summary>
    private sealed class Level(EntryPath path, ErofsAttributes attributes)
    {
        internal EntryPath Path => path;

        internal ErofsAttributes Attributes => attributes;

        internal List<ErofsChild> Children { get; } = [];

        internal long NameBytes { get; private set; }

        /// <summary>Where in the image the child directories name their parent.</summary>
        internal List<long> ParentPlaces { get; } = [];

        internal void Add(ReadOnlySpan<byte> name, ErofsNode node, EntryKind kind)
        {
            Children.Add(new ErofsChild(name.ToArray(), node, kind));
            NameBytes += name.Length;
        }

        internal void AddDirectory(ReadOnlySpan<byte> name, ErofsNode node, long parentPlace)
        {
            Add(name, node, EntryKind.Directory);
            ParentPlaces.Add(parentPlace);
        }

        internal (ErofsNode Node, EntryKind Kind)? Find(ReadOnlySpan<byte> name)
        {
            int low = 0;
            for (int high = Children.Count - 1; low <= high;)
            {
                int middle = low + ((high - low) / 2);
                int order = name.SequenceCompareTo(Children[middle].Name.Span);
                if (order == 0)
                    return (Children[middle].Node, Children[middle].Kind);
                if (order > 0)
                    low = middle + 1;
                else
                    high = middle - 1;
            }
            return null;
        }
    }
}
