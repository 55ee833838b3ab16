using Strata.Formats.Tar;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>Differences: from the layer's own directory, reading of the layers below only what changed.</content>
public sealed partial class OverlayDriver
{
    /// <inheritdoc/>
    public void Diff(LayerId id, LayerId? parent, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options);
        difference.Write(destination, options?.Progress, cancellationToken);
    }

    /// <inheritdoc/>
    public ILayerSource OpenTree(LayerId id)
    {
        var difference = Open(id, null, null);
        return new TreeSource(difference.Comparer, difference);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Change> Changes(LayerId id, LayerId? parent, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options);
        return TreeSource.List(difference.Comparer, cancellationToken);
    }

    /// <inheritdoc/>
    public long DiffSize(LayerId id, LayerId? parent, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, null);
        return difference.Measure(cancellationToken);
    }

    /// <inheritdoc/>
    public long ApplyDiff(LayerId id, LayerId? parent, Stream tar, ApplyOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        try
        {
            return Apply(id, parent, tar, options ?? ApplyOptions.Default, cancellationToken);
        }
        catch (Exception e) when (Retold(e, id, "apply a tar to") is { } better)
        {
            throw better;
        }
    }

    private long Apply(LayerId id, LayerId? parent, Stream tar, ApplyOptions options, CancellationToken cancellationToken)
    {
        string diff = _layout.Diff(id);
        if (_images.Has(id) || FindStoredMap(id) is not null || Directory.EnumerateFileSystemEntries(diff).Any())
        {
            // Something is in the layer already, or it must be mounted: apply over what is seen, as the naive driver does.
            return new NaiveDiffDriver(this).ApplyDiff(id, parent, tar, options, cancellationToken);
        }
        var actual = ParentOf(id);
        if (actual is not null)
            ForgetInheritedRoot(id);
        Func<RootDirectory>? below = actual is { } p ? () => OpenView(p) : null;
        using var sink = new OverlaySink(RootDirectory.Open(diff), below, _layout.Displaced(id), _marks, options);
        long sizeBytes = LayerPipe.Apply(tar, sink, options, cancellationToken);
        if (actual is not null && !sink.RootIsListed)
            InheritRootLater(id);
        return sizeBytes;
    }

    /// <inheritdoc/>
    public IRecipeContents OpenContents(LayerId id)
    {
        RequireExists(id);
        var held = _images.Use(id);
        return new TreeContents(RootDirectory.Open(_layout.Diff(id)), _layout.Displaced(id), held is null ? null : held.Dispose);
    }

    private LayerId? ParentOf(LayerId id) => _layout.ReadLowers(id) is [var nearest, ..] ? _layout.Resolve(nearest) : null;

    private StackDifference Open(LayerId id, LayerId? parent, DiffOptions? options)
    {
        RequireExists(id);
        if (parent is { } p)
            RequireExists(p);
        try
        {
            return OpenDifference(id, parent, options);
        }
        catch (Exception e) when (Retold(e, id, "compare") is { } better)
        {
            throw better;
        }
    }

    private StackDifference OpenDifference(LayerId id, LayerId? parent, DiffOptions? options)
    {
        SettleRoot(id);
        bool direct = parent == ParentOf(id) && RootOf(id) == _layout.Diff(id); // with a root elsewhere the whole tree is looked at
        return new StackDifference(
            direct ? () => RootDirectory.Open(_layout.Diff(id)) : () => OpenView(id), parent is { } below ? () => OpenView(below) : null, () => OpenView(id),
            _marks, direct, options, _images.UseAll(id, parent), FindOwners(id), parent is { } old ? FindOwners(old) : null);
    }
}
