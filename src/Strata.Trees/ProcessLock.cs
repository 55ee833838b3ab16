using Strata.Linux;

namespace Strata.Trees;

/// <summary>A lock between processes and threads, on a file: the kernel takes it back when its holder dies.</summary>
public sealed class ProcessLock : IDisposable
{
    private readonly FileLock _lock;

    private ProcessLock(FileLock locked) => _lock = locked;

    /// <summary>Waits for the lock; its file is made if it is not there.</summary>
    public static ProcessLock Acquire(string path) => new(FileLock.Acquire(path));

    /// <summary>Takes the lock if it is free; null: somebody holds it.</summary>
    public static ProcessLock? TryAcquire(string path) => FileLock.TryAcquire(path) is { } locked ? new ProcessLock(locked) : null;

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _lock.Dispose();
}
