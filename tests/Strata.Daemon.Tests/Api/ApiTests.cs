using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Strata.Daemon.Serving;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Api;

public sealed class ApiTests
{
    private static readonly byte[] Tar = new TarBuilder().Dir("etc").File("etc/one", "one\n").ToArray();

    [Fact]
    public async Task Each_route_is_described_and_each_that_is_described_is_there()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        var document = (await rig.GetAsync("/openapi.json"))!;
        string[] described = [.. document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(method => $"{method.Key.ToUpperInvariant()} {path.Key}")).Order(StringComparer.Ordinal)];
        string[] routes = [.. rig.Host.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {e.RoutePattern.RawText}")).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(described, routes);
        foreach (var path in document["paths"]!.AsObject())
        {
            foreach (var (_, operation) in path.Value!.AsObject())
                Assert.Equal(path.Key.Count(c => c == '{'), operation!["parameters"]?.AsArray().Count(p => p!["in"]!.GetValue<string>() == "path") ?? 0);
        }
    }

    [Theory]
    [InlineData("vfs")]
    [InlineData("overlay")]
    public async Task A_writable_layer_lives_through_the_api(string driver)
    {
        await using var rig = await ApiRig.StartAsync(driver);
        var layer = rig.Store.RegisterLayers([new LayerInput { Open = () => new MemoryStream(Tar) }])[0];
        Assert.Equal(1, (await rig.GetAsync("/v1/status"))!["layers"]!.GetValue<int>());
        Assert.Equal(layer.ChainId.ToString(), (await rig.GetAsync("/v1/layers?limit=5"))![0]!["chainId"]!.GetValue<string>());
        Assert.Equal(Tar, await rig.Client.GetByteArrayAsync(new Uri($"/v1/layers/{layer.ChainId}/tar", UriKind.Relative)));
        Assert.Equal("box", (await rig.SendAsync("POST", "/v1/writable", $$"""{"name":"box","layer":"{{layer.ChainId}}","init":true}""", 201))!["name"]!.GetValue<string>());
        Assert.Equal("AlreadyExists", (await rig.SendAsync("POST", "/v1/writable", """{"name":"box"}""", 409))!["error"]!["kind"]!.GetValue<string>());
        string path = (await rig.SendAsync("POST", "/v1/writable/box/mount", "", 200))!["path"]!.GetValue<string>();
        File.WriteAllText(Path.Combine(path, "new"), "12345");
        Assert.Equal("/new", Assert.Single((await rig.GetAsync("/v1/writable/box/changes"))!.AsArray())!["path"]!.GetValue<string>());
        File.WriteAllBytes(rig.Scratch["diff.tar"], await rig.Client.GetByteArrayAsync(new Uri("/v1/writable/box/diff", UriKind.Relative)));
        Assert.Equal("new", Commands.Run("tar", "-tf", rig.Scratch["diff.tar"]).Trim());
        Assert.True((await rig.GetAsync("/v1/writable/box/usage"))!["inodes"]!.GetValue<long>() > 0);
        var committed = await rig.SendAsync("POST", "/v1/writable/box/commit", "", 201);
        Assert.Equal(layer.ChainId.ToString(), committed!["parent"]!.GetValue<string>());
        if (driver == "overlay")
            Assert.Equal("FailedPrecondition", (await rig.SendAsync("DELETE", "/v1/writable/box", "", 409))!["error"]!["kind"]!.GetValue<string>());
        await rig.SendAsync("POST", "/v1/writable/box/umount", "", 204);
        await rig.SendAsync("DELETE", "/v1/writable/box", "", 204);
        await rig.SendAsync("DELETE", $"/v1/layers/{committed["chainId"]!.GetValue<string>()}", "", 200);
        Assert.Empty((await rig.GetAsync("/v1/snapshots"))!.AsArray());
        Assert.Empty((await rig.GetAsync("/v1/docker-layers"))!.AsArray());
        Assert.Empty((await rig.GetAsync("/v1/images"))!.AsArray());
        Assert.Empty((await rig.SendAsync("POST", "/v1/check?deep=true", "", 200))!.AsArray());
        Assert.NotNull((await rig.SendAsync("POST", "/v1/gc?dryRun=true", "", 200))!["layers"]);
    }

    [Fact]
    public async Task Errors_have_a_kind_and_a_status()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        string missing = "sha256:" + new string('0', 64);
        foreach (var (method, path, body, status) in new[]
        {
            ("GET", "/v1/writable/none", "", 404), ("GET", $"/v1/images/{missing}", "", 404), ("GET", $"/v1/layers/{missing}", "", 404), ("GET", "/v1/layers/x", "", 400),
            ("GET", "/v1/layers?limit=0", "", 400), ("POST", "/v1/writable", "{", 400), ("POST", "/v1/writable", """{"nome":"x"}""", 400), ("POST", "/v1/writable", "{}", 400),
            ("POST", "/v1/writable", $$"""{"name":"a","image":"b","layer":"{{missing}}"}""", 400), ("POST", "/v1/writable/none/mount", """{"target":"relative"}""", 400),
            ("POST", "/v1/gc?dryRun=maybe", "", 400), ("DELETE", "/v1/writable/none", "", 404), ("GET", "/v1/snapshots?filter=%3D%3D", "", 400),
        })
        {
            var reply = await rig.SendAsync(method, path, body, status);
            Assert.NotEqual("", reply!["error"]!["message"]!.GetValue<string>());
        }
        using var unknown = await rig.Client.GetAsync(new Uri("/v1/nothing", UriKind.Relative));
        Assert.Equal(404, (int)unknown.StatusCode);
    }

    [Fact]
    public async Task Metrics_tell_of_calls_and_of_the_store()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        rig.Store.RegisterLayers([new LayerInput { Open = () => new MemoryStream(Tar) }]);
        rig.Store.Driver.Create(LayerId.Parse("orphan"), null);
        Assert.Equal("ok\n", await rig.Client.GetStringAsync(new Uri("/healthz", UriKind.Relative)));
        await rig.SendAsync("GET", "/v1/writable/none", "", 404);
        string page = await rig.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        foreach (string line in new[]
        {
            "strata_calls_total{door=\"api\",call=\"healthz\",result=\"ok\"} 1", "strata_calls_total{door=\"api\",call=\"v1/writable/{name}\",result=\"NotFound\"} 1",
            "strata_call_seconds_count{door=\"api\",call=\"healthz\"} 1", "strata_call_seconds_bucket{door=\"api\",call=\"healthz\",le=\"+Inf\"} 1", "strata_layers 1",
            "strata_layer_bytes 4", "strata_orphans 1", "strata_calls_under_way 1",
        })
            Assert.Contains(line + "\n", page, StringComparison.Ordinal);
        Assert.All(page.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches("^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\\{[^}]*(\\{name\\}[^}]*)?\\})? [0-9.E+-]+)$", line));
        rig.Store.Driver.Remove(LayerId.Parse("orphan"));
    }

    /// <summary>A store served by the API in this process.</summary>
    private sealed class ApiRig : IAsyncDisposable
    {
        internal ScratchDirectory Scratch { get; } = new();

        internal Store.Store Store { get; private set; } = null!;

        internal DaemonHost Host { get; private set; } = null!;

        internal HttpClient Client { get; private set; } = null!;

        internal static async Task<ApiRig> StartAsync(string driver)
        {
            Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, $"{driver} needs root");
            var rig = new ApiRig();
            rig.Store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Scratch["store"], Driver = driver });
            return await rig.ServeAsync();
        }

        internal async Task<JsonNode?> GetAsync(string path) => await SendAsync("GET", path, "", 200);

        internal async Task<JsonNode?> SendAsync(string method, string path, string body, int status)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
            if (body.Length > 0)
                request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await Client.SendAsync(request);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True(status == (int)response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
            return text.Length == 0 ? null : JsonNode.Parse(text);
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Host.StopAsync();
            await Host.DisposeAsync();
            Store.Dispose();
            Scratch.Dispose();
        }

        private async Task<ApiRig> ServeAsync()
        {
            Host = DaemonHost.Make(new ServeOptions { ApiSocket = Scratch["a.sock"] }, Store);
            await Host.StartAsync(default);
            Client = SocketClient.Of(Scratch["a.sock"]);
            return this;
        }
    }
}
