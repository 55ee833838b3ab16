using Strata.Trees;

namespace Strata.Store;

/// <summary>
/// Says that a process is making a driver's layer that no metadata names yet. The lock on it ends with the process; what is leased by nobody
/// and named by nothing is swept.
/// </summary>
internal sealed class Lease : IDisposable
{
    private readonly string _path;
    private readonly ProcessLock _lock;
    private bool _left;
    private bool _disposed;

    private Lease(string path, ProcessLock locked)
    {
        _path = path;
        _lock = locked;
    }

    /// <summary>Takes a lease, before the layer is made.</summary>
    internal static Lease Take(StoreLayout layout, LayerId id)
    {
        // Again if recovery of another process took it for abandoned between its making and its locking, and deleted it.
        string path = Path.Combine(layout.Leases, id.ToString());
        return new Lease(path, ProcessLock.AcquireNamed(path));
    }

    /// <summary>Takes a lease if nobody has it; null: somebody does.</summary>
    internal static Lease? TryTake(StoreLayout layout, LayerId id)
    {
        string path = Path.Combine(layout.Leases, id.ToString());
        return ProcessLock.TryAcquireNamed(path) is { } locked ? new Lease(path, locked) : null;
    }

    /// <summary>The layers whose lease is still there though its process is gone. The caller releases each after it dealt with it.</summary>
    internal static IEnumerable<(LayerId Id, Lease Lease)> FindAbandoned(StoreLayout layout)
    {
        foreach (string path in Directory.EnumerateFiles(layout.Leases))
        {
            if (!LayerId.TryParse(Path.GetFileName(path), out var id) || ProcessLock.TryAcquire(path) is not { } locked)
                continue;
            if (locked.IsStillNamed(path))
                yield return (id, new Lease(path, locked));
            else
                locked.Dispose(); // given back since the directory was listed
        }
    }

    /// <summary>The layer could be neither finished nor removed: the lease stays, and whoever opens the store next tries again.</summary>
    internal void LeaveForRecovery() => _left = true;

    /// <summary>
    /// Gives the lease back by renaming its file to another place: an inode less to make and to delete. Where that can't be it is simply given back.
    /// </summary>
    /// <returns>False: the file is not at that place.</returns>
    internal bool TurnInto(string path)
    {
        try
        {
            File.Move(_path, path, overwrite: true);
            _left = true;
            return true;
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            return false; // given back by Dispose
        }
    }

    /// <summary>Gives the lease back: the layer is named by metadata now, or gone.</summary>
    public void Dispose()
    {
        if (_disposed)
            return; // the file may be somebody else's by now
        _disposed = true;
        try
        {
            if (!_left)
                File.Delete(_path);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            _left = true; // what the lease was for is done, and must not fail for this; whoever opens the store next finds the layer named, or gone
        }
        finally
        {
            _lock.Dispose();
        }
    }
}
