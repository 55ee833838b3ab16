namespace Strata.Store;

/// <summary>Runs what blocks, on a thread that is not the pool's: unpacking for a minute must not keep the pool's few from answering.</summary>
public static class Worker
{
    /// <summary>Runs it; its error, or its being cancelled, is the task's.</summary>
    public static Task<T> Run<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    /// <summary>Runs it; its error, or its being cancelled, is the task's.</summary>
    public static Task Run(Action work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
}
