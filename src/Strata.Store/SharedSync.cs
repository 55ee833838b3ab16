namespace Strata.Store;

/// <summary>One sync for all who wait for one: syncfs(2) writes back what anybody wrote before, so that many commits at once need not each pay for it.</summary>
/// <param name="sync">Makes durable whatever was written before it is called.</param>
internal sealed class SharedSync(Action sync)
{
    private readonly object _gate = new(); // a monitor
    private long _begun;
    private long _done;
    private bool _underWay;

    /// <summary>Returns when a sync that began after this call has ended: that is the next, or the one after it. If it fails, each who waits tries himself.</summary>
    internal void Run()
    {
        long number;
        lock (_gate)
        {
            long wanted = _begun + 1;
            while (_underWay && _done < wanted)
                Monitor.Wait(_gate);
            if (_done >= wanted)
                return;
            _underWay = true;
            number = ++_begun;
        }
        bool synced = false;
        try
        {
            sync();
            synced = true;
        }
        finally
        {
            lock (_gate)
            {
                _underWay = false;
                if (synced)
                    _done = number;
                Monitor.PulseAll(_gate);
            }
        }
    }
}
