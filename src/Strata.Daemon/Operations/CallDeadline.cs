using Strata.Daemon.Serving;

namespace Strata.Daemon.Operations;

/// <summary>No call lasts for ever: one that neither ends nor moves a byte for the call-timeout is cancelled.</summary>
internal sealed class CallDeadline
{
    private readonly CancellationTokenSource _source;
    private readonly TimeSpan _limit;
    private readonly CancellationToken _caller;
    private long _putOff;

    private CallDeadline(CancellationTokenSource source, TimeSpan limit, CancellationToken caller)
    {
        _source = source;
        _limit = limit;
        _caller = caller;
    }

    internal static RequestDelegate Middleware(RequestDelegate next, ServeOptions options) => async context =>
    {
        var caller = context.RequestAborted;
        using var source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        source.CancelAfter(options.CallTimeout);
        context.Items[typeof(CallDeadline)] = new CallDeadline(source, options.CallTimeout, caller);
        context.RequestAborted = source.Token;
        try
        {
            await next(context);
        }
        finally
        {
            context.RequestAborted = caller;
        }
    };

    /// <summary>True if the call was cancelled by its deadline, not by its caller.</summary>
    internal static bool HasPassed(HttpContext context) => Of(context) is { } deadline && deadline._source.IsCancellationRequested && !deadline._caller.IsCancellationRequested;

    /// <summary>Something moved: the deadline begins anew.</summary>
    internal static void PutOff(HttpContext context)
    {
        if (Of(context) is not { } deadline)
            return;
        long now = Environment.TickCount64;
        if (now - deadline._putOff < 1000)
            return; // setting a timer for each buffer would cost more than the buffer
        deadline._putOff = now;
        deadline._source.CancelAfter(deadline._limit);
    }

    private static CallDeadline? Of(HttpContext context) => context.Items.TryGetValue(typeof(CallDeadline), out object? found) ? found as CallDeadline : null;
}
