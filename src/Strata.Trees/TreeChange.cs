using Strata.Linux;

namespace Strata.Trees;

/// <summary>One difference between two trees. Valid while the comparer stands at it.</summary>
public sealed class TreeChange
{
    private readonly Frame? _frame;
    private readonly bool _isFrame;
    private LayerEntry? _entry;
    private FileStatus? _status;
    private AttributeSummary? _attributes;

    /// <summary>A removed name.</summary>
    internal TreeChange(EntryPath path)
    {
        Path = path;
        Kind = ChangeKind.Delete;
    }

    /// <summary>A name of a frame's new directory, or that directory itself.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="path">The object's path; the frame's own: it is the directory.</param>
    /// <param name="kind">How it changed.</param>
    /// <param name="status">Its status; null: nobody looked.</param>
    /// <param name="attributes">What is known of its attributes; null: they were not listed.</param>
    internal TreeChange(Frame frame, EntryPath path, ChangeKind kind, FileStatus? status, AttributeSummary? attributes)
    {
        _frame = frame;
        _isFrame = path == frame.Path;
        _attributes = attributes;
        Path = path;
        Kind = kind;
        _status = status;
    }

    /// <summary>The path.</summary>
    public EntryPath Path { get; }

    /// <summary>How it changed.</summary>
    public ChangeKind Kind { get; }

    /// <summary>The new object's status, read when first asked for if the comparer had no need of it; nothing for a deletion.</summary>
    public FileStatus Status => _status ??= _frame is null ? default : _frame.StatusOf(_isFrame ? default : Path.Name);

    /// <summary>The new object, read when first asked for; a whiteout for a deletion.</summary>
    public LayerEntry Entry => _entry ??= _frame is null
        ? new LayerEntry { Path = Path, Kind = EntryKind.Whiteout }
        : _frame.Reader.Read(_frame.NewDirectory.Number, Name, Status, Path, Attributes);

    private ReadOnlySpan<byte> Name => _isFrame ? "."u8 : Path.Name;

    private AttributeSummary Attributes => _attributes ??= _frame!.Reader.Summarize(_frame.NewDirectory.Number, Name, _frame.Marks);

    /// <summary>Opens the content of the new object, a regular file. The caller disposes it.</summary>
    public FileContent OpenContent()
    {
        var file = _frame!.OpenNew(Path, Status, Attributes);
        // A file with fewer blocks than its size wants may have holes, or its data elsewhere: only what was opened tells.
        bool whole = Status.Blocks * 512 >= Status.SizeBytes;
        return new FileContent(file, whole ? Status : AttributeCalls.Stat(file), Path);
    }
}
