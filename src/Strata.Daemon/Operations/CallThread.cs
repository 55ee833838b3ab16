namespace Strata.Daemon.Operations;

/// <summary>Long calls of the store, each on a thread of its own: those of the pool stay free for the short ones.</summary>
internal static class CallThread
{
    internal static Task<T> Run<T>(Func<T> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
}
