using Strata.Linux;

namespace Strata.Trees;

/// <summary>One difference between two trees. Valid while the comparer stands at it.</summary>
public sealed class TreeChange
{
    private readonly Func<FileDescriptor>? _open;
    private readonly Func<LayerEntry>? _read;
    private LayerEntry? _entry;

    internal TreeChange(EntryPath path, ChangeKind kind, FileStatus status, Func<LayerEntry>? read, Func<FileDescriptor>? open)
    {
        Path = path;
        Kind = kind;
        Status = status;
        _read = read;
        _open = open;
    }

    /// <summary>The path.</summary>
    public EntryPath Path { get; }

    /// <summary>How it changed.</summary>
    public ChangeKind Kind { get; }

    /// <summary>The new object's status; nothing for a deletion.</summary>
    public FileStatus Status { get; }

    /// <summary>The new object, read when first asked for; a whiteout for a deletion.</summary>
    public LayerEntry Entry => _entry ??= _read?.Invoke() ?? new LayerEntry { Path = Path, Kind = EntryKind.Whiteout };

    /// <summary>Opens the content of the new object, a regular file. The caller disposes it.</summary>
    public FileContent OpenContent()
    {
        var file = _open!();
        // A file with fewer blocks than its size wants may have holes, or its data elsewhere: only what was opened tells.
        bool whole = Status.Blocks * 512 >= Status.SizeBytes;
        return new FileContent(file, whole ? Status : AttributeCalls.Stat(file), Path);
    }
}
