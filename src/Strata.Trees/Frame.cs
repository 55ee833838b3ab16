using Strata.Linux;

namespace Strata.Trees;

/// <summary>One pair of directories on a comparer's way down, and where it stands in their names.</summary>
/// <remarks>Directories of which a scope knows all are opened only when something in them must be read, from the frames above, which live longer.</remarks>
internal sealed class Frame : IDisposable
{
    private static readonly int DirectoryFlags = OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow;
    private readonly NameList _oldNames;
    private readonly NameList _newNames;
    private readonly bool _lookUpOld;
    private readonly FileStatus? _status;
    private readonly AttributeSummary? _attributes;
    private readonly FrameContext _context;
    private readonly ITreeScope? _scope;
    private readonly Frame? _above;
    private readonly bool _hasOld;
    private FileDescriptor? _oldDirectory;
    private FileDescriptor? _newDirectory;
    private int _oldIndex = -1;
    private int _newIndex = -1;
    private bool _oldTaken = true;
    private bool _newTaken = true;

    private Frame(
        EntryPath path, FileDescriptor? oldDirectory, FileDescriptor newDirectory, IMarkReader? marks, bool opaque, ulong oldInode, in FileStatus status,
        AttributeSummary? attributes, FrameContext context)
    {
        Path = path;
        _oldDirectory = oldDirectory;
        _hasOld = oldDirectory is not null;
        _newDirectory = newDirectory;
        Marks = marks;
        Opaque = opaque;
        _status = status;
        _attributes = attributes;
        _context = context;
        _lookUpOld = oldDirectory is not null && LooksUp(marks, opaque);
        _scope = oldDirectory is null ? null : context.Options.Scope;
        if (_scope is not null && oldInode == status.Inode && _scope.NamesIn(oldInode) is { } names)
        {
            _oldNames = context.Names.Of(names);
            _newNames = context.Names.Of(names);
            return;
        }
        _oldNames = oldDirectory is null || _lookUpOld ? context.Names.Empty() : context.Names.Read(oldDirectory);
        _newNames = context.Names.Read(newDirectory);
    }

    /// <summary>A directory of which a scope knows what it is.</summary>
    private Frame(Frame above, EntryPath path, NameFinding finding, ulong inode)
    {
        Path = path;
        _above = above;
        _context = above._context;
        _hasOld = finding != NameFinding.Added;
        _scope = _hasOld ? above._scope : null;
        Reported = finding != NameFinding.Same;
        if (_scope?.NamesIn(inode) is { } names)
        {
            _oldNames = _context.Names.Of(names);
            _newNames = _context.Names.Of(names);
            return;
        }
        _oldNames = _hasOld ? _context.Names.Read(OldDirectory!) : _context.Names.Empty();
        _newNames = _context.Names.Read(NewDirectory);
    }

    internal EntryPath Path { get; }

    /// <summary>The old directory; null: there is none.</summary>
    internal FileDescriptor? OldDirectory => _hasOld ? _oldDirectory ??= FileCalls.OpenAt(_above!.OldDirectory!, Path.Name, DirectoryFlags) : null;

    internal FileDescriptor NewDirectory => _newDirectory ??= FileCalls.OpenAt(_above!.NewDirectory, Path.Name, DirectoryFlags);

    internal IMarkReader? Marks { get; }

    internal EntryReader Reader => _context.Reader;

    internal bool Opaque { get; }

    internal bool Reported { get; set; }

    internal bool InOld { get; private set; }

    internal bool InNew { get; private set; }

    /// <summary>What is known of the name at which this stands.</summary>
    internal NameFinding Finding => _newTaken ? _newNames.FindingOf(_newIndex) : NameFinding.Unknown;

    /// <summary>True if it is known to be a directory.</summary>
    internal bool IsDirectory => _newNames.TypeOf(_newIndex) == NameCalls.TypeDirectory;

    internal ReadOnlySpan<byte> OldName => InNew ? NewName : _oldNames[_oldIndex];

    internal ReadOnlySpan<byte> NewName => _newNames[_newIndex];

    private ReadOnlySpan<byte> Name => InNew ? NewName : _oldNames[_oldIndex];

    internal static Frame OfRoots(RootDirectory? oldTree, RootDirectory newTree, FrameContext context)
    {
        var marks = context.Options.Marks;
        // Own descriptors: reading names moves a descriptor's offset.
        var newDirectory = FileCalls.OpenAt(newTree.File, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        var oldDirectory = oldTree is null ? null : FileCalls.OpenAt(oldTree.File, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        bool opaque = marks?.IsOpaque(newDirectory) ?? false;
        ulong oldInode = oldDirectory is null ? 0 : AttributeCalls.Stat(oldDirectory).Inode;
        return new Frame(EntryPath.Root, oldDirectory, newDirectory, marks, opaque, oldInode, context.OfNew(AttributeCalls.Stat(newDirectory)), null, context) { Reported = true };
    }

    /// <summary>Goes to the next name of either directory.</summary>
    internal bool MoveNext()
    {
        do
        {
            if (!Step())
                return false;
        }
        while (IsOutOfScope());
        return true;
    }

    private bool Step()
    {
        if (_oldTaken && _oldIndex < _oldNames.Count)
            _oldIndex++;
        if (_newTaken && _newIndex < _newNames.Count)
            _newIndex++;
        bool oldLeft = _oldIndex < _oldNames.Count;
        bool newLeft = _newIndex < _newNames.Count;
        if (!oldLeft && !newLeft)
            return false;
        int order = !oldLeft ? 1 : !newLeft ? -1 : _oldNames[_oldIndex].SequenceCompareTo(_newNames[_newIndex]);
        _oldTaken = order <= 0;
        _newTaken = order >= 0;
        InNew = _newTaken;
        InOld = _oldTaken || (_lookUpOld && InNew);
        return true;
    }

    /// <summary>The same inode at the same name in both, of which is known that nothing changed.</summary>
    private bool IsOutOfScope() =>
        _scope is not null && Finding == NameFinding.Unknown && _oldTaken && _newTaken && _oldNames.InodeOf(_oldIndex) is not 0 and var inode && inode == _newNames.InodeOf(_newIndex)
        && !_scope.MayDiffer(inode);

    /// <summary>This directory itself as a change.</summary>
    internal TreeChange AsChange(ChangeKind kind) => new(this, Path, kind, _status, _attributes);

    /// <summary>The name at which this stands as a change.</summary>
    internal TreeChange Change(ChangeKind kind, in TreeComparer.Step step)
    {
        var path = Path.Child(Name);
        return kind == ChangeKind.Delete ? new TreeChange(path) : new TreeChange(this, path, kind, step.NewStatus, step.Attributes);
    }

    /// <summary>The status of a name in the new directory; an empty name: of that directory.</summary>
    internal FileStatus StatusOf(ReadOnlySpan<byte> name)
    {
        var errno = AttributeCalls.TryStat(NewDirectory.Number, name, out var status);
        return errno == Errno.None ? _context.OfNew(status) : throw new LinuxException(errno, "statx", (name.IsEmpty ? Path : Path.Child(name)).ToString());
    }

    /// <summary>Opens a new file for reading: where its data is.</summary>
    internal FileDescriptor OpenNew(EntryPath path, in FileStatus status, AttributeSummary attributes)
    {
        if (Marks is not null && attributes.Marks && Marks.IsMetadataOnly(NewDirectory.Number, path.Name, status))
            return (_context.Options.WholeNewTree?.Invoke() ?? throw Elsewhere()).OpenFile(path);
        return FileCalls.OpenAt(NewDirectory, path.Name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock);
    }

    /// <summary>The frame of the directory at which this one stands.</summary>
    internal Frame Enter(in TreeComparer.Step step)
    {
        var path = Path.Child(NewName);
        if (step.Known != NameFinding.Unknown)
            return new Frame(this, path, step.Known, _newNames.InodeOf(_newIndex));
        var newDirectory = FileCalls.OpenAt(NewDirectory, NewName, DirectoryFlags);
        var marks = Marks;
        bool opaque = Opaque || !step.OldStatus.IsDirectory;
        if (marks is not null && step.MayHaveMarks)
        {
            if (marks.IsRedirected(newDirectory))
            {
                newDirectory.Dispose();
                var errno = (_context.Options.WholeNewTree?.Invoke() ?? throw Elsewhere()).TryOpen(path, DirectoryFlags, out var whole);
                newDirectory = errno == Errno.None ? whole! : throw new LinuxException(errno, "open", path.ToString());
                marks = null;
            }
            else
            {
                opaque = opaque || marks.IsOpaque(newDirectory);
            }
        }
        // Where names are only looked up a handle is enough, and cheaper.
        var oldDirectory = step.OldStatus.IsDirectory
            ? FileCalls.OpenAt(OldDirectory!, NewName, DirectoryFlags | (LooksUp(marks, opaque) ? OpenFlags.Path : 0))
            : null;
        return new Frame(path, oldDirectory, newDirectory, marks, opaque, step.OldStatus.Inode, step.NewStatus ?? default, step.Attributes, _context) { Reported = step.Kind is not null };
    }

    public void Dispose()
    {
        _newDirectory?.Dispose();
        _oldDirectory?.Dispose();
        _context.Names.Return(_oldNames);
        _context.Names.Return(_newNames);
    }

    /// <summary>Where only changes are listed, the old names need not be: each new name is looked up.</summary>
    private static bool LooksUp(IMarkReader? marks, bool opaque) => marks is not null && !opaque;

    private StrataException Elsewhere() =>
        StrataException.NotSupported($"{Path} refers to another place of the layers below, and the whole tree can't be mounted here to follow it.");
}
