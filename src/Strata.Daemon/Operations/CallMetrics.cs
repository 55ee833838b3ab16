using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Operations;

/// <summary>Counts the calls of all doors: how many, with what result, how long, how many bytes. For <see cref="MetricsPage"/>.</summary>
internal sealed class CallMetrics(ILogger<CallMetrics> log)
{
    /// <summary>Upper bounds of the histogram's buckets, in seconds.</summary>
    internal static readonly double[] BoundsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private static readonly object FailureKey = new();
    private readonly ConcurrentDictionary<(string Door, string Call, string Result), Counted> _calls = new();
    private readonly ConcurrentDictionary<(string Door, string Direction), Counted> _bytes = new();
    private long _underWay;
    private long _ended;

    /// <summary>How many calls have ended since the start.</summary>
    internal long Ended => Interlocked.Read(ref _ended);

    internal long UnderWay => Interlocked.Read(ref _underWay);

    /// <summary>What was counted, each with its labels.</summary>
    internal IEnumerable<((string Door, string Call, string Result) Labels, long Count, double Seconds, long[] Buckets)> Calls =>
        _calls.OrderBy(c => c.Key).Select(c => c.Value.Read(c.Key));

    internal IEnumerable<(string Door, string Direction, long Bytes)> Bytes => _bytes.OrderBy(b => b.Key).Select(b => (b.Key.Door, b.Key.Direction, b.Value.Total));

    internal static RequestDelegate Middleware(RequestDelegate next, CallMetrics metrics) => async context =>
    {
        long start = Stopwatch.GetTimestamp();
        context.Items[typeof(CallMetrics)] = metrics;
        Interlocked.Increment(ref metrics._underWay);
        try
        {
            await next(context);
        }
        catch (Exception e)
        {
            SetFailure(context, e);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref metrics._underWay);
            Interlocked.Increment(ref metrics._ended);
            metrics.Add(context, Stopwatch.GetElapsedTime(start));
        }
    };

    /// <summary>The call failed, though the protocol may have no status for that.</summary>
    internal static void SetFailure(HttpContext context, Exception e) => context.Items[FailureKey] = e switch
    {
        StrataException known => known.Kind.ToString(),
        OperationCanceledException => "Cancelled",
        _ => "Unknown",
    };

    /// <summary>Bytes of layers came in or went out.</summary>
    internal static void AddBytes(HttpContext context, long read, long written)
    {
        if (context.Items.TryGetValue(typeof(CallMetrics), out object? found) && found is CallMetrics metrics)
        {
            string door = DoorOf(context);
            metrics._bytes.GetOrAdd((door, "in"), _ => new Counted()).AddBytes(read);
            metrics._bytes.GetOrAdd((door, "out"), _ => new Counted()).AddBytes(written);
        }
    }

    private void Add(HttpContext context, TimeSpan took)
    {
        string door = DoorOf(context), call = CallOf(context);
        string result = ResultOf(context);
        _calls.GetOrAdd((door, call, result), _ => new Counted()).Add(took);
        if (log.IsEnabled(LogLevel.Debug))
        {
            var trace = Activity.Current;
            log.LogDebug("{Door} {Call}: {Result} in {Milliseconds:0.0} ms, trace {Trace}", door, call, result, took.TotalMilliseconds, trace?.TraceId.ToString() ?? "none");
        }
    }

    /// <summary>The call's route. Of calls that nobody serves there would be as many as somebody cares to invent.</summary>
    internal static string CallOf(HttpContext context) => (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText?.TrimStart('/') ?? "unknown";

    /// <summary><c>ok</c>, or a kind of error, or a protocol's own status.</summary>
    internal static string ResultOf(HttpContext context)
    {
        if (context.Items.TryGetValue(FailureKey, out object? failure) && failure is string kind)
            return kind;
        if (context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { } trailers && trailers.TryGetValue("grpc-status", out var status) && status != "0")
            return $"grpc {status}";
        return context.Response.StatusCode < 400 ? "ok" : $"http {context.Response.StatusCode}";
    }

    internal static string DoorOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<Door>()?.Name ?? "none";

    private sealed class Counted
    {
        private readonly long[] _buckets = new long[BoundsSeconds.Length + 1];
        private long _count;
        private long _ticks;

        internal long Total => Interlocked.Read(ref _count);

        internal void AddBytes(long bytes) => Interlocked.Add(ref _count, bytes);

        internal void Add(TimeSpan took)
        {
            int bucket = Array.FindIndex(BoundsSeconds, bound => took.TotalSeconds <= bound);
            Interlocked.Increment(ref _buckets[bucket < 0 ? BoundsSeconds.Length : bucket]);
            Interlocked.Add(ref _ticks, took.Ticks);
            Interlocked.Increment(ref _count);
        }

        internal ((string, string, string), long, double, long[]) Read((string, string, string) labels)
        {
            long[] upTo = new long[_buckets.Length];
            for (int i = 0; i < upTo.Length; i++)
                upTo[i] = Interlocked.Read(ref _buckets[i]) + (i == 0 ? 0 : upTo[i - 1]);
            return (labels, upTo[^1], TimeSpan.FromTicks(Interlocked.Read(ref _ticks)).TotalSeconds, upTo);
        }
    }
}
