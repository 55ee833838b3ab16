using Strata.Formats.Tar;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <content>Differences: from what btrfs wrote since a layer was a snapshot of the other.</content>
public sealed partial class BtrfsDriver
{
    /// <inheritdoc/>
    public void Diff(LayerId id, LayerId? parent, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options, cancellationToken);
        using var source = new TreeSource(difference.Comparer);
        LayerPipe.Write(source, destination, options?.Progress, cancellationToken);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Change> Changes(LayerId id, LayerId? parent, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, options, cancellationToken);
        return TreeSource.List(difference.Comparer, cancellationToken);
    }

    /// <inheritdoc/>
    public long DiffSize(LayerId id, LayerId? parent, CancellationToken cancellationToken = default)
    {
        using var difference = Open(id, parent, null, cancellationToken);
        using var source = new TreeSource(difference.Comparer);
        return LayerPipe.Measure(source, cancellationToken);
    }

    /// <inheritdoc/>
    public long ApplyDiff(LayerId id, LayerId? parent, Stream tar, ApplyOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        return _naive.ApplyDiff(id, parent, tar, options, cancellationToken);
    }

    /// <inheritdoc/>
    public IRecipeContents OpenContents(LayerId id) => _naive.OpenContents(id);

    /// <inheritdoc/>
    /// <remarks>Of a layer that is a snapshot: what differs from the layer that it is one of, whole files counted.</remarks>
    public override Usage GetUsage(LayerId id, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        if (ParentOf(id) is not { } parent)
        {
            using var root = RootDirectory.Open(PathOf(id));
            return TreeUsage.Measure(root, cancellationToken);
        }
        using var difference = Open(id, parent, null, cancellationToken);
        long blocks = 0, inodes = 1; // its root
        var seen = new HashSet<ulong>();
        foreach (var change in difference.Comparer.Compare(cancellationToken))
        {
            if (change.Kind == ChangeKind.Delete || change.Path.IsRoot || (change.Status is { LinkCount: > 1, IsDirectory: false } && !seen.Add(change.Status.Inode)))
                continue;
            blocks += change.Status.Blocks;
            inodes++;
        }
        return new Usage(blocks * 512, inodes);
    }

    /// <summary>The layer that this one is a snapshot of, if it is there and this process may ask.</summary>
    private LayerId? ParentOf(LayerId id)
    {
        try
        {
            return Subvolumes.Find(_subvolumes, Subvolumes.InfoOf(PathOf(id)).ParentUuid);
        }
        catch (Linux.LinuxException e) when (e.Errno is Linux.Errno.EPERM or Linux.Errno.ENOTTY)
        {
            return null;
        }
    }

    private BtrfsDifference Open(LayerId id, LayerId? parent, DiffOptions? options, CancellationToken cancellationToken)
    {
        RequireExists(id);
        if (parent is { } p)
            RequireExists(p);
        try
        {
            return BtrfsDifference.Open(_subvolumes, _temporary, id, parent, options?.CompareContents ?? false, cancellationToken);
        }
        catch (Exception e) when (Retold(e, id, "compare") is { } better)
        {
            throw better;
        }
    }
}
