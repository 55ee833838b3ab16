using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Strata.Api;
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

    [Fact]
    public async Task Each_message_is_described_with_all_its_members()
    {
        await using var rig = await ApiRig.StartAsync("vfs");
        var schemas = (await rig.GetAsync("/openapi.json"))!["components"]!["schemas"]!.AsObject();
        foreach (var (type, schema) in new (JsonTypeInfo, string)[]
        {
            (ApiJson.Default.ErrorReply, "Error"), (ApiJson.Default.StatusReply, "Status"), (ApiJson.Default.InfoReply, "Info"), (ApiJson.Default.DriverReply, "Driver"),
            (ApiJson.Default.Pair, "Pair"), (ApiJson.Default.ImageReply, "Image"), (ApiJson.Default.IndexReply, "Index"), (ApiJson.Default.LayerReply, "Layer"),
            (ApiJson.Default.WritableReply, "Writable"), (ApiJson.Default.SnapshotReply, "Snapshot"), (ApiJson.Default.DockerLayerReply, "DockerLayer"),
            (ApiJson.Default.ChangeReply, "Change"), (ApiJson.Default.ItemReply, "Item"), (ApiJson.Default.UsageReply, "Usage"), (ApiJson.Default.StepReply, "Step"),
            (ApiJson.Default.MountReply, "Mounted"), (ApiJson.Default.RemovedReply, "Removed"), (ApiJson.Default.UntaggedReply, "Untagged"),
            (ApiJson.Default.CollectReply, "Collected"), (ApiJson.Default.CollectedLayer, "CollectedLayer"), (ApiJson.Default.CollectedDocument, "CollectedDocument"),
            (ApiJson.Default.CollectedLeftover, "CollectedLeftover"), (ApiJson.Default.CheckReply, "Checked"), (ApiJson.Default.FindingReply, "Finding"),
            (ApiJson.Default.CreateWritableRequest, "CreateWritable"), (ApiJson.Default.MountRequestBody, "MountTarget"), (ApiJson.Default.CommitImageRequest, "CommitImage"),
            (ApiJson.Default.ConfigChangeMessage, "ConfigChange"), (ApiJson.Default.SaveRequest, "Save"), (ApiJson.Default.NameRequest, "NewName"), (ApiJson.Default.RemoveRequest, "Remove"),
        })
        {
            string[] described = [.. schemas[schema]!["properties"]!.AsObject().Select(p => p.Key).Order(StringComparer.Ordinal)];
            Assert.Equal(type.Properties.Select(p => p.Name).Order(StringComparer.Ordinal), described);
            Assert.Empty(schemas[schema]!["required"]!.AsArray().Select(r => r!.GetValue<string>()).Except(described));
            schemas.Remove(schema);
        }
        Assert.Equal(["Line"], schemas.Select(s => s.Key)); // which is made of others
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
        Assert.Equal("box", (await rig.SendAsync("POST", "/v1/writable", $$"""{"name":"box","from":"{{layer.ChainId}}","init":true}""", 201))!["name"]!.GetValue<string>());
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
        Assert.Empty((await rig.SendAsync("POST", "/v1/check?deep=true", "", 200))!["findings"]!.AsArray());
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
            ("POST", "/v1/writable", $$"""{"name":"a","from":"{{missing}}"}""", 404), ("POST", "/v1/writable", """{"name":"a","idMapping":"1:2"}""", 400), ("POST", "/v1/save", "{}", 400),
            ("POST", "/v1/save", """{"images":["none"]}""", 404), ("POST", "/v1/save", """{"images":["none"],"format":"zip"}""", 400), ("GET", "/v1/history", "", 400), ("GET", "/v1/history?image=none", "", 404),
            ("POST", "/v1/remove", """{"item":"none"}""", 404), ("DELETE", "/v1/names?name=none", "", 404), ("POST", "/v1/images", "no image", 400), ("POST", "/v1/layers", "no layer", 422),
            ("POST", "/v1/writable/none/image", """{"name":"x"}""", 404), ("POST", "/v1/writable/none/image", """{"name":"x","changes":[{"instruction":"Nothing"}]}""", 400), ("POST", "/v1/writable/none/mount", """{"target":"relative"}""", 400),
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
}
