using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Strata.Daemon.Operations;

namespace Strata.Daemon.Tests.Operations;

public sealed class IdleMemoryTests
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Memory_is_given_back_once_after_each_burst_and_not_while_a_call_is_under_way()
    {
        var metrics = new CallMetrics(NullLogger<CallMetrics>.Instance);
        int given = 0, largest = 0;
        using var memory = IdleMemory.Watch(metrics, Quiet, () =>
        {
            largest = Math.Max(largest, (int)metrics.UnderWay);
            Interlocked.Increment(ref given);
        });
        await Task.Delay(Quiet * 5);
        Assert.Equal(0, given); // nothing was called
        for (int burst = 1; burst <= 2; burst++)
        {
            var ending = new TaskCompletionSource();
            var call = CallMetrics.Middleware(_ => ending.Task, metrics)(new DefaultHttpContext());
            for (int i = 0; i < 10; i++)
                await CallMetrics.Middleware(_ => Task.CompletedTask, metrics)(new DefaultHttpContext());
            await Task.Delay(Quiet * 5);
            Assert.Equal(burst - 1, given); // one is under way
            ending.SetResult();
            await call;
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref given) == burst, Long));
            await Task.Delay(Quiet * 5);
            Assert.Equal(burst, given);
        }
        Assert.Equal(0, largest);
        IdleMemory.Collect();
    }
}
