using Strata.Trees;

namespace Strata.Drivers;

/// <content>What processes left that ended in the middle of something.</content>
public abstract partial class ProtoDriver : ILeftovers
{
    /// <summary>Where layers are built before they are renamed to their places.</summary>
    private string Unfinished => Path.Combine(Home, ".tmp");

    /// <inheritdoc/>
    public IReadOnlyList<Leftover> FindLeftovers()
    {
        var found = new List<Leftover>();
        if (Directory.Exists(Trash))
            found.AddRange(Directory.GetFileSystemEntries(Trash).Select(path => new Leftover(LeftoverKind.Trash, path)));
        found.AddRange(TemporaryDirectory.FindAbandoned(Unfinished).Select(path => new Leftover(LeftoverKind.Unfinished, path)));
        string[] mounted = [.. MountTable.Below(Home).Where(point => point != Home).Distinct()];
        var points = mounted.Length == 0 ? [] : List().ToDictionary(MountPointOf); // of each of many layers a path: only where there is something to compare
        foreach (string point in mounted)
        {
            if (points.TryGetValue(point, out var layer) ? !_counter.IsCounted(layer) : IsLeakedMount(point, points))
                found.Add(new Leftover(LeftoverKind.Mount, point, points.TryGetValue(point, out var of) ? of : null));
        }
        found.AddRange(_counter.FindStale(id => Exists(id) ? MountPointOf(id) : null).Select(id => new Leftover(LeftoverKind.Count, _counter.PathOf(id), id)));
        found.AddRange(FindDangling().Select(path => new Leftover(LeftoverKind.Dangling, path)));
        return found;
    }

    /// <inheritdoc/>
    public bool SweepLeftover(Leftover leftover)
    {
        switch (leftover.Kind)
        {
            case LeftoverKind.Trash:
                DeleteTrashed(leftover.Path);
                return true;
            case LeftoverKind.Unfinished:
                return TemporaryDirectory.SweepOne(leftover.Path, DeleteTrashed);
            case LeftoverKind.Count:
                return leftover.Layer is { } counted && _counter.ForgetIfStale(counted, id => Exists(id) ? MountPointOf(id) : null);
            case LeftoverKind.Mount when leftover.Layer is { } mounted:
                // Under the layer's lock, and only if it is still counted by nobody: whoever is mounting it now holds that lock.
                return _counter.IfUncounted(mounted, () => Unmount(mounted, leftover.Path));
            case LeftoverKind.Mount:
                return SweepMount(leftover.Path);
            default:
                return SweepDangling(leftover.Path);
        }
    }

    /// <summary>A mount in the home that is at no layer's mount point: true if it belongs to nobody.</summary>
    /// <param name="point">Where it is.</param>
    /// <param name="layers">The layers' mount points. What is mounted inside one belongs to whoever uses that layer.</param>
    protected virtual bool IsLeakedMount(string point, IReadOnlyDictionary<string, LayerId> layers)
    {
        for (string? above = Path.GetDirectoryName(point); above is not null && above.Length > Home.Length; above = Path.GetDirectoryName(above))
        {
            if (layers.ContainsKey(above))
                return false;
        }
        return true;
    }

    /// <summary>Takes a mount down that <see cref="IsLeakedMount"/> found.</summary>
    protected virtual bool SweepMount(string point) => Mounter.Unmount(point);

    /// <summary>Files beside layers whose layer is gone.</summary>
    protected virtual IEnumerable<string> FindDangling()
    {
        string displaced = Path.Combine(Home, ".displaced");
        if (!Directory.Exists(displaced))
            return [];
        return Directory.GetFileSystemEntries(displaced).Where(path => !LayerId.TryParse(Path.GetFileName(path), out var id) || !Exists(id));
    }

    /// <summary>Removes what <see cref="FindDangling"/> found, if it still is.</summary>
    protected virtual bool SweepDangling(string path)
    {
        if (!FindDangling().Contains(path))
            return false;
        TreeRemover.Remove(path);
        return true;
    }
}
