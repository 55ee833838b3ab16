using System.Text;
using System.Text.Json.Nodes;
using Strata.Daemon.Serving;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Docker;

/// <summary>A store served to Docker in this process, and a client that asks as Docker does.</summary>
internal sealed class PluginRig : IAsyncDisposable
{
    private readonly string _driver;
    private DaemonHost _host = null!;

    private PluginRig(string driver) => _driver = driver;

    internal ScratchDirectory Scratch { get; } = new();

    internal Store.Store Store { get; private set; } = null!;

    internal HttpClient Client { get; private set; } = null!;

    internal static async Task<PluginRig> StartAsync(string driver, string? tmpfsOptions = null)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, $"{driver} needs root");
        var rig = new PluginRig(driver);
        if (tmpfsOptions is not null)
            rig.Scratch.MountTmpfs("store", tmpfsOptions);
        await rig.OpenAsync();
        return rig;
    }

    internal async Task RestartAsync()
    {
        await CloseAsync();
        await OpenAsync();
    }

    /// <summary>A call as Docker makes it: no content type, and a newline at the end.</summary>
    internal async Task<JsonNode> AskAsync(string call, string body = "{}")
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body + "\n"));
        using var response = await Client.PostAsync(new Uri("/GraphDriver." + call, UriKind.Relative), content);
        Assert.Equal(200, (int)response.StatusCode);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
    }

    internal async Task<JsonNode> DoAsync(string call, string body = "{}")
    {
        var reply = await AskAsync(call, body);
        Assert.Equal("", reply["Err"]?.GetValue<string>() ?? "");
        return reply;
    }

    internal async Task<string> FailAsync(string call, string body = "{}")
    {
        string error = (await AskAsync(call, body))["Err"]?.GetValue<string>() ?? "";
        Assert.NotEqual("", error);
        return error;
    }

    internal async Task<JsonNode> ApplyAsync(string id, string parent, Stream tar)
    {
        using var content = new StreamContent(tar);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"/GraphDriver.ApplyDiff?id={id}&parent={parent}", UriKind.Relative)) { Content = content };
        request.Headers.TransferEncodingChunked = true;
        using var response = await Client.SendAsync(request);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
    }

    internal async Task LayerAsync(string id, string? parent, byte[] tar)
    {
        await DoAsync("Create", parent is null ? $$"""{"ID":"{{id}}"}""" : $$"""{"ID":"{{id}}","Parent":"{{parent}}"}""");
        var reply = await ApplyAsync(id, parent ?? "", new MemoryStream(tar));
        Assert.Equal("", reply["Err"]?.GetValue<string>() ?? "");
    }

    internal async Task<byte[]> DiffAsync(string id, string parent)
    {
        using var content = new StringContent($$"""{"ID":"{{id}}","Parent":"{{parent}}"}""");
        using var response = await Client.PostAsync(new Uri("/GraphDriver.Diff", UriKind.Relative), content);
        Assert.Equal(200, (int)response.StatusCode);
        return await response.Content.ReadAsByteArrayAsync();
    }

    internal async Task<string> GetAsync(string id) => (await DoAsync("Get", $$"""{"ID":"{{id}}"}"""))["Dir"]!.GetValue<string>();

    public async ValueTask DisposeAsync()
    {
        string[] leases = Directory.GetFiles(Path.Combine(Store.Root, "leases"));
        var orphans = Store.FindOrphans();
        await CloseAsync();
        var mounts = Mounts.AtOrBelow(Scratch.Path).Where(m => m != Scratch["store"]).ToArray(); // what a test mounted there is its own
        Scratch.Dispose();
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            return;
        Assert.Empty(mounts);
        Assert.Empty(leases);
        Assert.Empty(orphans);
    }

    private async Task OpenAsync()
    {
        Store = Strata.Store.Store.Open(new StoreOptions { Root = Scratch["store"], Driver = _driver });
        _host = DaemonHost.Make(new ServeOptions { Root = Scratch["store"], DockerSocket = Scratch["d.sock"], DriverOptions = ["overlay.known=1"] }, Store);
        await _host.StartAsync(default);
        Client = SocketClient.Of(Scratch["d.sock"]);
    }

    private async Task CloseAsync()
    {
        Client.Dispose();
        await _host.StopAsync();
        await _host.DisposeAsync();
        Store.Dispose();
    }
}
