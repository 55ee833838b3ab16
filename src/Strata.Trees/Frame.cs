using Strata.Linux;

namespace Strata.Trees;

/// <summary>One pair of directories on a comparer's way down, and where it stands in their names.</summary>
internal sealed class Frame : IDisposable
{
    private readonly NameList _oldNames;
    private readonly NameList _newNames;
    private readonly bool _lookUpOld;
    private readonly FileStatus _status;
    private readonly TreeCompareOptions _options;
    private int _oldIndex = -1;
    private int _newIndex = -1;
    private bool _oldTaken = true;
    private bool _newTaken = true;

    private Frame(
        EntryPath path, FileDescriptor? oldDirectory, FileDescriptor newDirectory, IMarkReader? marks, bool opaque, FileStatus status,
        TreeCompareOptions options)
    {
        Path = path;
        OldDirectory = oldDirectory;
        NewDirectory = newDirectory;
        Marks = marks;
        Opaque = opaque;
        _status = status;
        _options = options;
        // Where only changes are listed, the old names need not be: each new name is looked up.
        _lookUpOld = marks is not null && !opaque && oldDirectory is not null;
        _oldNames = oldDirectory is null || _lookUpOld ? NameList.Empty : NameList.Read(oldDirectory);
        _newNames = NameList.Read(newDirectory);
    }

    internal EntryPath Path { get; }

    internal FileDescriptor? OldDirectory { get; }

    internal FileDescriptor NewDirectory { get; }

    internal IMarkReader? Marks { get; }

    internal bool Opaque { get; }

    internal bool Reported { get; set; }

    internal bool InOld { get; private set; }

    internal bool InNew { get; private set; }

    internal ReadOnlySpan<byte> OldName => InNew ? NewName : _oldNames[_oldIndex];

    internal ReadOnlySpan<byte> NewName => _newNames[_newIndex];

    private ReadOnlySpan<byte> Name => InNew ? NewName : _oldNames[_oldIndex];

    internal static Frame OfRoots(RootDirectory? oldTree, RootDirectory newTree, TreeCompareOptions options)
    {
        var marks = options.Marks;
        // Own descriptors: reading names moves a descriptor's offset.
        var newDirectory = FileCalls.OpenAt(newTree.File, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        var oldDirectory = oldTree is null ? null : FileCalls.OpenAt(oldTree.File, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory);
        bool opaque = marks?.IsOpaque(newDirectory) ?? false;
        return new Frame(EntryPath.Root, oldDirectory, newDirectory, marks, opaque, default, options) { Reported = true };
    }

    /// <summary>Goes to the next name of either directory.</summary>
    internal bool MoveNext()
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

    /// <summary>This directory as a modified one, since something below it changed.</summary>
    internal TreeChange AsModified(EntryReader reader)
    {
        var status = _status;
        return new TreeChange(Path, ChangeKind.Modify, status, () => reader.Read(NewDirectory.Number, "."u8, status, Path), null);
    }

    internal TreeChange Change(ChangeKind kind, EntryReader reader, FileStatus status)
    {
        var path = Path.Child(Name);
        if (kind == ChangeKind.Delete)
            return new TreeChange(path, kind, default, null, null);
        byte[] name = NewName.ToArray();
        return new TreeChange(path, kind, status, () => reader.Read(NewDirectory.Number, name, status, path), OpenNew);
    }

    /// <summary>Opens the new file for reading: where its data is.</summary>
    internal FileDescriptor OpenNew()
    {
        if (Marks is not null && AttributeCalls.TryStat(NewDirectory.Number, NewName, out var status) == Errno.None
            && Marks.IsMetadataOnly(NewDirectory.Number, NewName, status))
            return (_options.WholeNewTree?.Invoke() ?? throw Elsewhere()).OpenFile(Path.Child(NewName));
        return FileCalls.OpenAt(NewDirectory, NewName, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock);
    }

    /// <summary>The frame of the directory at which this one stands.</summary>
    internal Frame Enter(TreeComparer.Step step, bool reported)
    {
        var path = Path.Child(NewName);
        int flags = OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow;
        var newDirectory = FileCalls.OpenAt(NewDirectory, NewName, flags);
        var oldDirectory = step.OldStatus.IsDirectory ? FileCalls.OpenAt(OldDirectory!, NewName, flags) : null;
        var marks = Marks;
        bool opaque = Opaque || oldDirectory is null;
        if (marks is not null && marks.IsRedirected(newDirectory))
        {
            newDirectory.Dispose();
            var errno = (_options.WholeNewTree?.Invoke() ?? throw Elsewhere()).TryOpen(path, flags, out var whole);
            newDirectory = errno == Errno.None ? whole! : throw new LinuxException(errno, "open", path.ToString());
            marks = null;
        }
        else if (marks is not null && !opaque)
        {
            opaque = marks.IsOpaque(newDirectory);
        }
        return new Frame(path, oldDirectory, newDirectory, marks, opaque, step.NewStatus, _options) { Reported = reported };
    }

    public void Dispose()
    {
        NewDirectory.Dispose();
        OldDirectory?.Dispose();
    }

    private StrataException Elsewhere() =>
        StrataException.NotSupported($"{Path} refers to another place of the layers below, and the whole tree can't be mounted here to follow it.");
}
