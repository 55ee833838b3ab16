using Strata.Drivers;

namespace Strata.Daemon.Operations;

/// <summary>Deletes removed layers while the daemon runs, at the lowest priority: nobody who removes one waits for its files.</summary>
internal sealed class TrashThread : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _ended = new();
    private readonly Store.Store _store;

    private TrashThread(Store.Store store) => _store = store;

    internal static TrashThread Start(Store.Store store)
    {
        var made = new TrashThread(store);
        new Thread(made.Run) { IsBackground = true, Name = "trash" }.Start(); // in the background: a process that ends leaves the rest to the next one
        return made;
    }

    public void Dispose() => _ended.Cancel();

    private void Run()
    {
        Background.LowerPriority();
        while (!_ended.Token.WaitHandle.WaitOne(Pause))
        {
            try
            {
                if (_store.HasTrash)
                    _store.EmptyTrash(wait: false, _ended.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
            {
                continue; // tried again; check tells what stays
            }
        }
    }
}
