namespace Strata.Store;

/// <summary>One sync for all who wait for one: syncfs(2) writes back what anybody wrote before, so that many commits at once need not each pay for it.</summary>
/// <param name="sync">Makes durable whatever was written before it is called.</param>
internal sealed class SharedSync(Action sync)
{
    private readonly Lock _turn = new();
    private long _begun;
    private long _done;

    /// <summary>Returns when a sync that began after this call has ended. If it fails, each who waits tries himself.</summary>
    internal void Run()
    {
        long wanted = Interlocked.Read(ref _begun) + 1;
        lock (_turn)
        {
            if (_done >= wanted)
                return;
            long number = Interlocked.Increment(ref _begun);
            sync();
            _done = number;
        }
    }
}
