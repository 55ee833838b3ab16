using System.Text;
using System.Text.Json.Nodes;
using Strata.Daemon.Serving;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Api;

/// <summary>A store served by the API in this process.</summary>
internal sealed class ApiRig : IAsyncDisposable
{
    internal ScratchDirectory Scratch { get; } = new();

    internal Store.Store Store { get; private set; } = null!;

    internal DaemonHost Host { get; private set; } = null!;

    internal HttpClient Client { get; private set; } = null!;

    internal string Socket => Scratch["a.sock"];

    internal static async Task<ApiRig> StartAsync(string driver, Func<ServeOptions, ServeOptions>? options = null, string? tmpfsOptions = null)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, $"{driver} needs root");
        var rig = new ApiRig();
        try
        {
            if (tmpfsOptions is not null)
                rig.Scratch.MountTmpfs("store", tmpfsOptions);
            rig.Store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Scratch["store"], Driver = driver });
            var served = new ServeOptions { ApiSocket = rig.Socket };
            rig.Host = DaemonHost.Make(options?.Invoke(served) ?? served, rig.Store);
            await rig.Host.StartAsync(default);
            rig.Client = SocketClient.Of(rig.Socket);
            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
    }

    internal async Task<JsonNode?> GetAsync(string path) => await SendAsync("GET", path, "", 200);

    internal Task<JsonNode?> SendAsync(string method, string path, string body, int status) =>
        SendAsync(method, path, body.Length > 0 ? new StringContent(body, Encoding.UTF8, "application/json") : null, status);

    internal async Task<JsonNode?> SendAsync(string method, string path, HttpContent? body, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative)) { Content = body };
        using var response = await Client.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }

    public async ValueTask DisposeAsync()
    {
        using var closing = new Closing();
        closing.Do(() => Client?.Dispose());
        if (Host is not null)
        {
            await closing.DoAsync(Host.StopAsync);
            await closing.DoAsync(() => Host.DisposeAsync().AsTask());
        }
        closing.Do(() => Store?.Dispose());
        closing.Do(Scratch.Dispose);
    }
}
