using System.Text.Json.Nodes;
using Strata.Testing;

namespace Strata.Daemon.Tests.Api;

public sealed class FullDiskTests
{
    [Theory]
    [InlineData("vfs")]
    [InlineData("erofs")]
    public async Task A_full_disk_is_507_and_the_daemon_goes_on(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await ApiRig.StartAsync(driver, tmpfsOptions: "size=12m");
        byte[] small = new TarBuilder().Dir("etc").File("etc/one", "one\n").ToArray();
        var large = new TarBuilder().File("large", new string('x', 14_000_000));
        string first = (await PostAsync("/v1/layers", small, 201))!["chainId"]!.GetValue<string>();
        await rig.SendAsync("POST", "/v1/writable", $$"""{"name":"box","from":"{{first}}"}""", 201);
        // What comes is larger than the room.
        foreach (var (path, body) in new[] { ("/v1/layers", large.ToArray()), ("/v1/images", new TestImage().Layer(large).ToLayout().ToTar()) })
        {
            RequireFull(await PostAsync(path, body, 507));
            Assert.Equal(1, (await rig.GetAsync("/v1/status"))!["layers"]!.GetValue<int>());
            Assert.Empty((await rig.SendAsync("POST", "/v1/check?deep=true", "", 200))!["findings"]!.AsArray());
        }
        // There is no room at all.
        string ballast = rig.Scratch["store/ballast"];
        Assert.ThrowsAny<IOException>(FillUp);
        RequireFull(await PostAsync("/v1/layers", new TarBuilder().File("two", new string('y', 200_000)).ToArray(), 507));
        JsonNode? refused = null;
        for (int i = 0; i < 2000 && refused is null; i++) // the metadata's pages have some room left
        {
            using var reply = await rig.Client.PostAsync(new Uri("/v1/writable", UriKind.Relative), new StringContent($$"""{"name":"more{{i}}"}"""));
            if (reply.StatusCode != System.Net.HttpStatusCode.Created)
            {
                Assert.Equal(507, (int)reply.StatusCode);
                refused = JsonNode.Parse(await reply.Content.ReadAsStringAsync());
            }
        }
        RequireFull(refused);
        // It goes on: reads, makes room, and takes again what it refused.
        Assert.Equal("ok\n", await rig.Client.GetStringAsync(new Uri("/healthz", UriKind.Relative)));
        Assert.Equal(small, await rig.Client.GetByteArrayAsync(new Uri($"/v1/layers/{first}/tar", UriKind.Relative)));
        await rig.SendAsync("DELETE", "/v1/writable/box", "", 204);
        File.Delete(ballast);
        await PostAsync("/v1/layers", new TarBuilder().File("two", new string('y', 200_000)).ToArray(), 201);
        await PostAsync("/v1/images", new TestImage().Layer(new TarBuilder().File("three", "3")).ToLayout().ToTar(), 201);
        Assert.Empty((await rig.SendAsync("POST", "/v1/check?deep=true", "", 200))!["findings"]!.AsArray());

        void FillUp()
        {
            using var file = new FileStream(ballast, FileMode.Create, FileAccess.Write, FileShare.None, 0);
            while (true)
                file.Write(new byte[4096]);
        }

        Task<JsonNode?> PostAsync(string path, byte[] body, int status) => rig.SendAsync("POST", path, new ByteArrayContent(body), status);

        static void RequireFull(JsonNode? reply)
        {
            Assert.Equal("Exhausted", reply!["error"]!["kind"]!.GetValue<string>());
            Assert.Contains("Free some space", reply["error"]!["message"]!.GetValue<string>(), StringComparison.Ordinal);
        }
    }
}
