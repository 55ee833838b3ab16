using System.Net;
using System.Text;
using Strata.Daemon.Serving;
using Strata.Daemon.Tests.Api;
using Strata.Testing;

namespace Strata.Daemon.Tests.Operations;

public sealed class TraceTests
{
    [Fact]
    public async Task A_span_of_each_call_reaches_the_collector_in_the_callers_trace()
    {
        using var collector = new HttpListener();
        int port = Random.Shared.Next(20000, 30000);
        collector.Prefixes.Add($"http://127.0.0.1:{port}/");
        collector.Start();
        var received = ReceiveAsync(collector);
        await using (var rig = await ApiRig.StartAsync("vfs", o => o with { TraceEndpoint = new Uri($"http://127.0.0.1:{port}/v1/traces") }))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/v1/writable/none", UriKind.Relative));
            request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            (await rig.Client.SendAsync(request)).Dispose();
        } // stopped, it sends what it holds
        var (path, body) = await received.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal("/v1/traces", path);
        string text = Encoding.Latin1.GetString(body);
        foreach (string part in new[] { "stratad", "api v1/writable/{name}", "NotFound" })
            Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString("0af7651916cd43dd8448eb211c80319c")), text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_that_others_can_enter_is_warned_of()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["store"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        using var daemon = new DaemonProcess(DaemonProcess.Stratad, "serve", "--root", scratch["store"], "--driver", "vfs", "--api-socket", scratch["a.sock"]);
        daemon.Await(() => daemon.Output.Contains("stratad: ready", StringComparison.Ordinal) && daemon.Output.Contains("chmod 0700", StringComparison.Ordinal), "the warning");
        daemon.Stop();
    }

    private static async Task<(string Path, byte[] Body)> ReceiveAsync(HttpListener collector)
    {
        var context = await collector.GetContextAsync();
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        context.Response.StatusCode = 200;
        context.Response.Close();
        return (context.Request.Url!.AbsolutePath, body.ToArray());
    }
}
