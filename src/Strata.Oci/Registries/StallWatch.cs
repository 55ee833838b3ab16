namespace Strata.Oci.Registries;

/// <summary>Ends something that makes no progress: unless it hears of some, its token is cancelled.</summary>
internal sealed class StallWatch : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly TimeSpan _limit;

    /// <param name="limit">How long nothing may happen.</param>
    /// <param name="cancellationToken">Ends it too.</param>
    internal StallWatch(TimeSpan limit, CancellationToken cancellationToken)
    {
        _limit = limit;
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _source.CancelAfter(limit);
    }

    internal CancellationToken Token => _source.Token;

    /// <summary>Something happened: the time begins anew.</summary>
    internal void Pulse() => _source.CancelAfter(_limit);

    /// <summary>Now it is not the other side that we wait for.</summary>
    internal void Pause() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose() => _source.Dispose();
}
