using Strata.Drivers.Overlay;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>The difference between a layer and another, for drivers that stack: from the layer's own tree where that is all that is needed.</summary>
internal sealed class StackDifference : IDisposable
{
    private readonly RootDirectory _newTree;
    private readonly RootDirectory? _oldTree;
    private readonly Lazy<RootDirectory> _whole;
    private readonly IReadOnlyList<IDisposable> _held;

    /// <param name="newTree">Opens the layer: its own tree with marks, or all of it.</param>
    /// <param name="oldTree">Opens what it is compared with; null: nothing.</param>
    /// <param name="whole">Opens all of the layer, if it is needed.</param>
    /// <param name="marks">The marks.</param>
    /// <param name="onlyItself">True: the first is the layer's own tree, and the second what it lies on.</param>
    /// <param name="options">How, or null.</param>
    /// <param name="held">What the trees lie on; given back with this, and if it can't be made.</param>
    /// <param name="newOwners">The owners that the layer shows, or null.</param>
    /// <param name="oldOwners">The owners that what it is compared with shows, or null.</param>
    internal StackDifference(
        Func<RootDirectory> newTree, Func<RootDirectory>? oldTree, Func<RootDirectory> whole, OverlayMarks marks, bool onlyItself, DiffOptions? options, IReadOnlyList<IDisposable> held,
        OwnerMap? newOwners = null, OwnerMap? oldOwners = null)
    {
        _whole = new Lazy<RootDirectory>(whole);
        _held = held;
        RootDirectory? opened = null;
        try
        {
            opened = newTree();
            _oldTree = oldTree?.Invoke();
        }
        catch
        {
            opened?.Dispose();
            GiveBack();
            throw;
        }
        _newTree = opened;
        Comparer = new TreeComparer(_oldTree, _newTree, new TreeCompareOptions
        {
            // Without a layer below there are no marks to read, and a whole tree has none either.
            Marks = onlyItself && _oldTree is not null ? marks : null,
            WholeNewTree = () => _whole.Value,
            Xattrs = marks.ToLayer,
            NewOwners = newOwners,
            OldOwners = oldOwners,
            CompareContents = options is { CompareContents: true } or { Exact: true },
            DirectoryTimes = options is { Exact: true },
        });
    }

    internal TreeComparer Comparer { get; }

    /// <summary>Writes it as a tar.</summary>
    internal void Write(Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        using var source = new TreeSource(Comparer);
        LayerPipe.Write(source, destination, progress, cancellationToken);
    }

    /// <summary>The sum of the sizes of its files, hard links once.</summary>
    internal long Measure(CancellationToken cancellationToken)
    {
        using var source = new TreeSource(Comparer);
        return LayerPipe.Measure(source, cancellationToken);
    }

    public void Dispose()
    {
        _newTree.Dispose();
        _oldTree?.Dispose();
        if (_whole.IsValueCreated)
            _whole.Value.Dispose();
        GiveBack();
    }

    private void GiveBack()
    {
        foreach (var held in _held)
            held.Dispose();
    }
}
