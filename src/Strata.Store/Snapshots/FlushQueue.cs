namespace Strata.Store;

/// <summary>
/// Makes durable what was answered without waiting for the disk: a moment after the first of many, all at once; and then does what may be done only
/// when it is durable.
/// </summary>
/// <remarks>
/// Where the disk fails, or so much waits that it can't keep up, <see cref="HasRoom"/> is false: whoever looks waits for the disk himself, and gets its error.
/// </remarks>
internal sealed class FlushQueue : IDisposable
{
    private const int MostWaiting = 1000; // each may hold a lease, which is an open file
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RestAfter = TimeSpan.FromSeconds(1);

    private readonly Action _flush;
    private readonly Action _afterwards;
    private readonly Action _rest;
    private readonly TimeSpan _delay;
    private readonly Lock _turn = new(); // of who flushes
    private Thread? _thread; // from when there is something to do
    private readonly ManualResetEventSlim _ended = new();
    private readonly SemaphoreSlim _wanted = new(0);
    private readonly Lock _gate = new(); // of what waits
    private List<Action> _waiting = [];
    private volatile bool _failed;
    private int _count;

    /// <param name="flush">Makes durable whatever was written before it is called.</param>
    /// <param name="delay">How long what was written may wait for more.</param>
    /// <param name="afterwards">Called when that is done, on the thread of this, for which nobody waits; what it throws counts as a failed flush.</param>
    /// <param name="rest">Called once when nothing was added for a while, on that thread, too. May throw what a flush may, which means nothing here.</param>
    internal FlushQueue(Action flush, TimeSpan delay, Action afterwards, Action rest)
    {
        (_flush, _delay, _afterwards, _rest) = (flush, delay, afterwards, rest);
    }

    /// <summary>True: what is written now may be left to this.</summary>
    internal bool HasRoom => !_failed && Volatile.Read(ref _count) < MostWaiting && !_ended.IsSet;

    /// <summary>Something was written. It will be flushed, and then this done, on another thread. It must not throw.</summary>
    internal void Add(Action afterwards)
    {
        lock (_gate)
        {
            _waiting.Add(afterwards);
            Volatile.Write(ref _count, _waiting.Count);
            if (_waiting.Count == 1)
                _wanted.Release();
            if (_thread is not null)
                return;
            _thread = new Thread(Run) { IsBackground = true, Name = "flush" };
            _thread.Start();
        }
    }

    /// <summary>Returns when all that was added before is flushed and done.</summary>
    /// <exception cref="StrataException">The disk fails. What waits, waits on.</exception>
    internal void Flush()
    {
        lock (_turn)
        {
            List<Action> done;
            lock (_gate)
            {
                done = _waiting;
                _waiting = [];
                Volatile.Write(ref _count, 0);
            }
            if (done.Count == 0)
                return;
            try
            {
                _flush();
            }
            catch
            {
                lock (_gate)
                {
                    _waiting.InsertRange(0, done);
                    Volatile.Write(ref _count, _waiting.Count);
                    _wanted.Release();
                }
                throw;
            }
            foreach (var one in done)
                one();
        }
    }

    /// <summary>Flushes what waits. Where that fails nothing is done that must come after it: the next opening of the store finds leases, as after a kill.</summary>
    public void Dispose()
    {
        if (_ended.IsSet)
            return;
        _ended.Set();
        _wanted.Release();
        _thread?.Join();
        TryAll();
        _wanted.Dispose();
        _ended.Dispose();
    }

    private void Run()
    {
        bool rested = true;
        while (true)
        {
            bool wanted = _wanted.Wait(rested ? Timeout.InfiniteTimeSpan : RestAfter);
            rested = !wanted;
            if (!wanted)
            {
                TryRest();
                continue;
            }
            if (_ended.Wait(_delay))
                return;
            while (!TryAll())
            {
                if (_ended.Wait(RetryPause))
                    return;
            }
        }
    }

    private bool TryAll()
    {
        try
        {
            Flush();
            _afterwards();
            _failed = false;
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            _failed = true; // who writes next waits for the disk, and is told
        }
        return !_failed;
    }

    private void TryRest()
    {
        try
        {
            _rest();
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            // Only room is lost. What the disk can't do, the next flush or write says.
        }
    }
}
