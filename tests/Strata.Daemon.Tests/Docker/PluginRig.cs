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
        try
        {
            if (tmpfsOptions is not null)
                rig.Scratch.MountTmpfs("store", tmpfsOptions);
            await rig.OpenAsync();
            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
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
        using var closing = new Closing();
        if (Store is { } store)
        {
            closing.Do(() => Assert.Empty(Directory.GetFiles(Path.Combine(store.Root, "leases"))));
            closing.Do(() => Assert.Empty(store.FindOrphans()));
        }
        await closing.DoAsync(CloseAsync);
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(Scratch.Path, except: Scratch["store"]))); // what a test mounted there is its own
        closing.Do(Scratch.Dispose);
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
        using (Store)
        await using (_host)
        {
            Client?.Dispose();
            if (_host is not null)
                await _host.StopAsync();
        }
    }
}
