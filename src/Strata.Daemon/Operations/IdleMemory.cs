namespace Strata.Daemon.Operations;

/// <summary>Gives memory back after a burst of calls: the collector keeps what it once needed, and without calls nothing makes it collect.</summary>
/// <remarks>Once for each burst, when no call was under way or ended for a while; a collection of a few megabytes takes some milliseconds.</remarks>
internal sealed class IdleMemory : IDisposable
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);
    private readonly CallMetrics _metrics;
    private readonly Timer _timer;
    private long _seen;
    private bool _given = true;

    private IdleMemory(CallMetrics metrics)
    {
        _metrics = metrics;
        _timer = new Timer(_ => Look(), null, Quiet, Quiet);
    }

    internal static IdleMemory Watch(CallMetrics metrics) => new(metrics);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        long ended = _metrics.Ended;
        bool quiet = ended == _seen && _metrics.UnderWay == 0;
        _seen = ended;
        if (!quiet)
            _given = false;
        else if (!_given)
        {
            _given = true;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }
}
