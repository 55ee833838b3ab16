using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Strata.Daemon.Serving;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Operations;

public sealed class ServiceTests
{
    [Fact]
    public void Sockets_of_no_door_are_refused()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.Throws<StrataException>(() => new ServeOptions().With(new Dictionary<string, Socket> { ["door"] = socket }));
        Assert.Equal("/elsewhere", new ServeOptions { ApiSocket = "/elsewhere" }.With(new Dictionary<string, Socket> { ["api"] = socket }).ApiSocket);
        Assert.Equal("/run/strata/docker.sock", new ServeOptions().With(new Dictionary<string, Socket> { ["docker"] = socket }).DockerSocket);
    }

    [Fact]
    public void Service_manager_hands_over_a_socket_and_is_told()
    {
        using var scratch = new ScratchDirectory();
        string output = Commands.Run(
            "python3", Path.Combine(AppContext.BaseDirectory, "activate.py"), scratch.Path, DaemonProcess.Stratad, "serve", "--root", scratch["store"], "--driver", "vfs");
        Assert.Equal(["READY=1", "HTTP/1.1 200", "STOPPING=1", "exit 0"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith("stratad:", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_call_that_moves_nothing_is_given_up_and_one_that_is_under_way_ends()
    {
        using var scratch = new ScratchDirectory();
        using var store = Store.Store.Open(new StoreOptions { Root = scratch["store"], Driver = "vfs" });
        await using var host = DaemonHost.Make(new ServeOptions { DockerSocket = scratch["d.sock"], CallTimeout = TimeSpan.FromSeconds(1), StopTimeout = TimeSpan.FromSeconds(30) }, store);
        await host.StartAsync(default);
        using var http = SocketClient.Of(scratch["d.sock"]);
        foreach (string id in new[] { "stalls", "ends" })
            (await http.PostAsync(new Uri("/GraphDriver.Create", UriKind.Relative), new StringContent($$"""{"ID":"{{id}}"}"""))).Dispose();
        byte[] tar = new TarBuilder().File("a", new string('a', 100_000)).ToArray();
        using (var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await client.ConnectAsync(new UnixDomainSocketEndPoint(scratch["d.sock"]));
            await client.SendAsync(Encoding.ASCII.GetBytes("POST /GraphDriver.ApplyDiff?id=stalls&parent= HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n"));
            await client.SendAsync(tar.AsMemory(0, 50_000));
            Assert.Contains("call-timeout", await ReceiveAsync(client), StringComparison.Ordinal);
        }
        using var going = new StreamContent(new SlowStream(tar));
        var ends = http.PostAsync(new Uri("/GraphDriver.ApplyDiff?id=ends&parent=", UriKind.Relative), going);
        while (store.Graph.Find("ends")!.Content == GraphContent.None)
            await Task.Delay(10);
        await host.StopAsync(); // lets it end
        using var ended = await ends;
        Assert.Equal("""{"Size":100000}""", await ended.Content.ReadAsStringAsync());
        foreach (string id in new[] { "stalls", "ends" })
            store.Graph.Remove(id);
        Assert.Empty(store.Driver.List());
    }

    [Fact]
    public async Task Log_lines_are_json_if_told_so_and_standard_output_has_none()
    {
        using var scratch = new ScratchDirectory();
        using var daemon = new DaemonProcess(
            "sh", "-c", "exec \"$0\" serve --root \"$1/store\" --driver vfs --docker-socket \"$1/d.sock\" --log-format json --log-level debug 2> \"$1/log\"", DaemonProcess.Stratad, scratch.Path);
        daemon.Await(() => daemon.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
        using var http = SocketClient.Of(scratch["d.sock"]);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/GraphDriver.Get", UriKind.Relative)) { Content = new StringContent("""{"ID":"none"}""") };
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        (await http.SendAsync(request)).Dispose();
        daemon.Stop();
        var lines = File.ReadAllLines(scratch["log"]).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Contains(lines, line => line["LogLevel"]!.GetValue<string>() == "Warning" && line["Message"]!.GetValue<string>().Contains("none", StringComparison.Ordinal));
        Assert.Contains(lines, line => line["Message"]!.GetValue<string>().Contains("0af7651916cd43dd8448eb211c80319c", StringComparison.Ordinal));
        Assert.All(daemon.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), line => Assert.StartsWith("stratad: ", line, StringComparison.Ordinal));
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[1000];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, patience.Token));
    }

    /// <summary>Gives some bytes at a time.</summary>
    private sealed class SlowStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(20, cancellationToken);
            return await base.ReadAsync(buffer[..Math.Min(buffer.Length, 10_000)], cancellationToken);
        }

        public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
        {
            byte[] buffer = new byte[10_000];
            for (int read; (read = await ReadAsync(buffer.AsMemory(), cancellationToken)) > 0;)
            {
                await destination.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                await destination.FlushAsync(cancellationToken);
            }
        }
    }
}
