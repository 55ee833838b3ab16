namespace Strata.Daemon.Operations;

/// <summary>Gives memory back after a burst of calls: the collector keeps what it once needed, and without calls nothing makes it collect.</summary>
/// <remarks>Once for each burst, when no call was under way or ended for a while; a collection of a few megabytes takes some milliseconds.</remarks>
internal sealed class IdleMemory : IDisposable
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);
    private readonly CallMetrics _metrics;
    private readonly Action _give;
    private readonly Timer _timer;
    private long _seen;
    private bool _given = true;

    private IdleMemory(CallMetrics metrics, TimeSpan quiet, Action give)
    {
        (_metrics, _give) = (metrics, give);
        _timer = new Timer(_ => Look(), null, quiet, quiet);
    }

    internal static IdleMemory Watch(CallMetrics metrics) => Watch(metrics, Quiet, Collect);

    /// <param name="metrics">Tells of calls.</param>
    /// <param name="quiet">How long there are none.</param>
    /// <param name="give">Gives memory back; <see cref="Collect"/>, but in tests.</param>
    internal static IdleMemory Watch(CallMetrics metrics, TimeSpan quiet, Action give) => new(metrics, quiet, give);

    internal static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

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
            _give();
        }
    }
}
