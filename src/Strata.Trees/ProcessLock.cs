using Strata.Linux;

namespace Strata.Trees;

/// <summary>A lock between processes and threads, on a file: the kernel takes it back when its holder dies.</summary>
public sealed class ProcessLock : IDisposable
{
    private readonly FileLock _lock;

    private ProcessLock(FileLock locked) => _lock = locked;

    /// <summary>Waits for the lock; its file is made if it is not there.</summary>
    /// <param name="path">The lock's file.</param>
    /// <param name="shared">True: any number may hold it at once, but not beside one that holds it alone.</param>
    public static ProcessLock Acquire(string path, bool shared = false) => new(FileLock.Acquire(path, shared));

    /// <summary>Takes the lock if it is free; null: somebody holds it.</summary>
    public static ProcessLock? TryAcquire(string path) => FileLock.TryAcquire(path) is { } locked ? new ProcessLock(locked) : null;

    /// <summary>Waits for a lock whose file its holders delete (<see cref="Delete"/>), so that files of locks that nobody needs don't pile up.</summary>
    public static ProcessLock AcquireNamed(string path)
    {
        while (true)
        {
            var locked = Acquire(path);
            if (locked.IsStillNamed(path))
                return locked;
            locked.Dispose(); // deleted while we waited: others see another file
        }
    }

    /// <summary>Takes the lock if it is free, on a file that its holders delete; null: somebody holds it.</summary>
    public static ProcessLock? TryAcquireNamed(string path)
    {
        while (TryAcquire(path) is { } locked)
        {
            if (locked.IsStillNamed(path))
                return locked;
            locked.Dispose();
        }
        return null;
    }

    /// <summary>True if the path names the locked file, not another one or none.</summary>
    public bool IsStillNamed(string path) => _lock.IsStillNamed(path);

    /// <summary>Deletes the lock's file and gives the lock back; who waits for it makes a new one. A file that can't be deleted stays, which harms nobody.</summary>
    public void Delete(string path)
    {
        NameCalls.TryUnlink(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path));
        Dispose();
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _lock.Dispose();
}
