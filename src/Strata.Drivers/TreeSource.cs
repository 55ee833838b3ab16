using Strata.Formats.Layers;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>A source over two trees: their differences as entries, hard links found, what no layer can hold left out.</summary>
public sealed class TreeSource : ILayerSource
{
    private readonly IEnumerable<TreeChange> _all;
    private readonly Dictionary<(ulong Device, ulong Inode), EntryPath> _linked = [];
    private readonly IDisposable[] _owned;
    private IEnumerator<TreeChange>? _changes;
    private FileContent? _content;
    private CancellationToken _cancellationToken;

    /// <summary>Makes a source.</summary>
    /// <param name="comparer">Finds the differences.</param>
    /// <param name="owned">Disposed with the source: the trees.</param>
    public TreeSource(TreeComparer comparer, params IDisposable[] owned)
    {
        _all = Lazily(comparer);
        _owned = owned;
        Current = null!;
    }

    /// <inheritdoc/>
    public LayerEntry Current { get; private set; }

    /// <inheritdoc/>
    public ChangeKind CurrentChange => _changes!.Current.Kind;

    /// <inheritdoc/>
    public bool MoveNext(CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        _content?.Dispose();
        _content = null;
        _changes ??= _all.GetEnumerator();
        while (_changes.MoveNext())
        {
            var change = _changes.Current;
            var entry = change.Entry;
            if (!LayerWriter.CanHold(entry))
                continue;
            if (entry.Kind is not (EntryKind.Directory or EntryKind.Whiteout) && change.Status.LinkCount > 1)
            {
                var key = (change.Status.Device, change.Status.Inode);
                if (_linked.TryGetValue(key, out var first))
                    entry = new LayerEntry { Path = entry.Path, Kind = EntryKind.HardLink, HardLinkTarget = first, Mode = entry.Mode, Uid = entry.Uid, Gid = entry.Gid, Mtime = entry.Mtime };
                else
                    _linked.Add(key, entry.Path);
            }
            Current = entry;
            return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public EntryContent OpenContent() => _content ??= _changes!.Current.OpenContent();

    /// <summary>The changes as a list, without reading more of each than its kind. The root is not among them, as in Docker.</summary>
    internal static IReadOnlyList<Change> List(TreeComparer comparer, CancellationToken cancellationToken)
    {
        var changes = new List<Change>();
        foreach (var change in comparer.Compare(cancellationToken))
        {
            if (!change.Path.IsRoot)
                changes.Add(new Change(change.Path, change.Kind));
        }
        return changes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _content?.Dispose();
        _changes?.Dispose();
        foreach (var owned in _owned)
            owned.Dispose();
    }

    private IEnumerable<TreeChange> Lazily(TreeComparer comparer)
    {
        foreach (var change in comparer.Compare(_cancellationToken))
        {
            _cancellationToken.ThrowIfCancellationRequested();
            yield return change;
        }
    }
}
