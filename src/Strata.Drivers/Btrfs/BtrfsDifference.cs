using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>Two layers to be compared, as they are at one moment, and where they can differ if btrfs can tell.</summary>
internal sealed class BtrfsDifference : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    private BtrfsDifference()
    {
    }

    /// <summary>True: only what changed is looked at.</summary>
    internal bool IsNative { get; private set; }

    internal TreeComparer Comparer { get; private set; } = null!;

    /// <summary>Opens a layer to be compared with another.</summary>
    /// <param name="directory">Where the subvolumes of layers lie.</param>
    /// <param name="temporary">Where snapshots for the time of comparing are made.</param>
    /// <param name="id">The layer.</param>
    /// <param name="parent">The other; null: nothing.</param>
    /// <param name="compareContents">Contents are compared, too.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal static BtrfsDifference Open(string directory, string temporary, LayerId id, LayerId? parent, bool compareContents, CancellationToken cancellationToken)
    {
        string path = Path.Combine(directory, id.ToString());
        string? below = parent is { } p ? Path.Combine(directory, p.ToString()) : null;
        var made = new BtrfsDifference();
        try
        {
            if (below is null || !made.TryNative(directory, temporary, path, below, compareContents, cancellationToken))
                made.Compare(RootDirectory.Open(path), below is null ? null : RootDirectory.Open(below), null, compareContents);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        for (int i = _owned.Count - 1; i >= 0; i--)
            _owned[i].Dispose();
        _owned.Clear();
    }

    private bool TryNative(string directory, string temporary, string path, string below, bool compareContents, CancellationToken cancellationToken)
    {
        using var now = Subvolumes.Open(path);
        using var before = Subvolumes.Open(below);
        // What lies in subvolumes inside a layer belongs to it, and is in no snapshot of it.
        if (Subvolumes.HasNested(now) || Subvolumes.HasNested(before))
            return false;
        try
        {
            if (FindOrigin(directory, Subvolumes.InfoOf(now), Subvolumes.InfoOf(before).Uuid) is not { } origin)
                return false;
            // What waits to be written is in no tree yet: a snapshot has it. Who is read-only has had one made of it, its first child.
            bool changing = !Subvolumes.IsReadOnly(now);
            if (!changing)
                Subvolumes.Check(BtrfsCalls.TryCommit(now), "ioctl BTRFS_IOC_START_SYNC", path);
            var newTree = changing ? Snapshot(now, temporary) : RootDirectory.Open(path);
            _owned.Add(newTree);
            // The one below has not changed since, if all is as it should be; who made it writable again may have.
            bool still = Subvolumes.IsReadOnly(before) && Subvolumes.InfoOf(before).ChangeTransaction <= origin;
            var oldTree = still ? RootDirectory.Open(below) : Snapshot(before, temporary);
            _owned.Add(oldTree);
            var scope = new BtrfsScope(oldTree.File, newTree.File);
            bool small = scope.TryAddNew(origin, cancellationToken) && (still || scope.TryAddOld(origin, cancellationToken));
            _owned.Remove(newTree);
            _owned.Remove(oldTree);
            Compare(newTree, oldTree, small ? scope : null, compareContents);
            IsNative = small;
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.ENOTTY && e.Call.StartsWith("ioctl", StringComparison.Ordinal))
        {
            Dispose();
            return false; // not the administrator of the machine, as in a user namespace; or a kernel before 4.18
        }
    }

    private void Compare(RootDirectory newTree, RootDirectory? oldTree, ITreeScope? scope, bool compareContents)
    {
        _owned.Add(newTree);
        if (oldTree is not null)
            _owned.Add(oldTree);
        Comparer = new TreeComparer(oldTree, newTree, new TreeCompareOptions { Scope = scope, CompareContents = compareContents });
    }

    /// <summary>The transaction in which a subvolume and the one that it descends from were one; null: it does not descend from it.</summary>
    private static ulong? FindOrigin(string directory, BtrfsSubvolumeInfo info, Guid ancestor)
    {
        while (info.ParentUuid != ancestor)
        {
            if (Subvolumes.Find(directory, info.ParentUuid) is not { } parent)
                return null;
            info = Subvolumes.InfoOf(Path.Combine(directory, parent.ToString()));
        }
        return info.OriginTransaction;
    }

    private RootDirectory Snapshot(FileDescriptor subvolume, string temporary)
    {
        const string name = "view";
        var directory = TemporaryDirectory.Create(temporary, Subvolumes.Remove);
        _owned.Add(directory);
        Subvolumes.Snapshot(subvolume, directory.Path, name, readOnly: true);
        return RootDirectory.Open(Path.Combine(directory.Path, name));
    }
}
