using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Docker;

public sealed class PluginTests
{
    private const string Base = "ba5e000000000000000000000000000000000000000000000000000000000000", Top = "70b0000000000000000000000000000000000000000000000000000000000000",
        Container = "c0d0000000000000000000000000000000000000000000000000000000000000";

    private static readonly byte[] BaseTar = new TarBuilder().Dir("etc").File("etc/one", "one\n").File("etc/gone", "gone\n").ToArray();
    private static readonly byte[] TopTar = new TarBuilder().Dir("etc").Whiteout("etc/gone").File("etc/two", "two\n", uid: 5, gid: 6).ToArray(endBlocks: 20);

    [Theory]
    [InlineData("vfs")]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task A_container_is_made_written_compared_and_removed(string driver)
    {
        await using var rig = await PluginRig.StartAsync(driver);
        Assert.Equal("GraphDriver", JsonNode.Parse(await (await rig.Client.PostAsync(new Uri("/Plugin.Activate", UriKind.Relative), null)).Content.ReadAsStringAsync())!["Implements"]![0]!.GetValue<string>());
        await rig.DoAsync("Init", """{"Home":"/nowhere/strata","Opts":null,"UIDMaps":null,"GIDMaps":null}""");
        Assert.True((await rig.DoAsync("Capabilities"))["Capabilities"]!["ReproducesExactDiffs"]!.GetValue<bool>());
        Assert.Contains((await rig.DoAsync("Status"))["Status"]!.AsArray(), line => line![0]!.GetValue<string>() == "Driver" && line[1]!.GetValue<string>().EndsWith(driver, StringComparison.Ordinal));
        await rig.LayerAsync(Base, null, BaseTar);
        await rig.LayerAsync(Top, Base, TopTar);
        Assert.Equal(BaseTar, await rig.DiffAsync(Base, ""));
        Assert.Equal(TopTar, await rig.DiffAsync(Top, Base));
        Assert.Equal(2, rig.Store.Count().Layers);

        await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Container}}-init","Parent":"{{Top}}"}""");
        string init = await rig.GetAsync(Container + "-init");
        File.WriteAllText(Path.Combine(init, ".dockerenv"), "");
        await rig.DoAsync("Put", $$"""{"ID":"{{Container}}-init"}""");
        await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Container}}","Parent":"{{Container}}-init","StorageOpt":{} }""");
        string root = await rig.GetAsync(Container);
        Assert.False(File.Exists(Path.Combine(root, "etc/gone")));
        File.WriteAllText(Path.Combine(root, "etc/two"), "changed\n");
        File.WriteAllText(Path.Combine(root, "new"), "12345");
        File.Delete(Path.Combine(root, "etc/one"));
        string ids = $$"""{"ID":"{{Container}}","Parent":"{{Container}}-init"}""";
        string[] changes = (await rig.DoAsync("Changes", ids))["Changes"]!.AsArray().Select(c => $"{c!["Kind"]} {c["Path"]}").ToArray();
        Assert.Equal(["0 /etc", "2 /etc/one", "0 /etc/two", "1 /new"], changes);
        Assert.Equal(13, (await rig.DoAsync("DiffSize", ids))["Size"]!.GetValue<long>());
        byte[] diff = await rig.DiffAsync(Container, Container + "-init");
        await rig.LayerAsync("c0331700", Top, diff);
        Assert.Equal(diff, await rig.DiffAsync("c0331700", Top));
        Assert.NotEmpty((await rig.DoAsync("GetMetadata", $$"""{"ID":"{{Container}}"}"""))["Metadata"]!.AsObject());
        await rig.DoAsync("Put", $$"""{"ID":"{{Container}}"}""");
        Assert.Contains("is on it", await rig.FailAsync("Remove", $$"""{"ID":"{{Container}}-init"}"""), StringComparison.Ordinal);
        foreach (string id in new[] { Container, Container + "-init", "c0331700", Top, Base, Base })
            await rig.DoAsync("Remove", $$"""{"ID":"{{id}}"}""");
        Assert.Empty(rig.Store.Driver.List());
        Assert.Equal(0, rig.Store.Count().Layers);
        await rig.DoAsync("Cleanup");
    }

    [Fact]
    public async Task A_layer_of_the_store_is_shared_and_goes_with_its_last_user()
    {
        await using var rig = await PluginRig.StartAsync("vfs");
        var mine = rig.Store.RegisterLayers([new LayerInput { Open = () => new MemoryStream(BaseTar) }])[0];
        await rig.LayerAsync(Base, null, BaseTar);
        Assert.Equal(mine.ChainId, rig.Store.Graph.Find(Base)!.Layer);
        Assert.Single(rig.Store.Driver.List());
        Assert.Throws<StrataException>(() => rig.Store.RemoveLayer(mine.ChainId));
        rig.Store.Collect();
        Assert.NotNull(rig.Store.FindLayer(mine.ChainId));
        await rig.LayerAsync(Top, Base, TopTar);
        await rig.LayerAsync("a0" + Top, Base, TopTar);
        Assert.Equal(2, rig.Store.Driver.List().Count);
        await rig.DoAsync("Remove", $$"""{"ID":"{{Top}}"}""");
        Assert.Equal(TopTar, await rig.DiffAsync("a0" + Top, Base));
        await rig.DoAsync("Remove", $$"""{"ID":"a0{{Top}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        Assert.NotNull(rig.Store.FindLayer(mine.ChainId));
        rig.Store.RemoveLayer(mine.ChainId);
        Assert.Empty(rig.Store.Driver.List());
    }

    [Theory]
    [InlineData("vfs")]
    [InlineData("erofs")]
    public async Task A_client_that_goes_away_in_the_middle_leaves_nothing_half_done(string driver)
    {
        await using var rig = await PluginRig.StartAsync(driver);
        await rig.DoAsync("Create", $$"""{"ID":"{{Base}}"}""");
        byte[] tar = new TarBuilder().Dir("d").File("d/a", new string('a', 100_000)).ToArray();
        using (var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await client.ConnectAsync(new UnixDomainSocketEndPoint(rig.Scratch["d.sock"]));
            await client.SendAsync(Encoding.ASCII.GetBytes($"POST /GraphDriver.ApplyDiff?id={Base}&parent= HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{50_000:x}\r\n"));
            await client.SendAsync(tar.AsMemory(0, 50_000));
            await AwaitAsync(() => rig.Store.Graph.Find(Base)!.Content == GraphContent.Begun);
        }
        await AwaitAsync(() => Directory.GetFiles(Path.Combine(rig.Store.Root, "leases")).Length == 0);
        // Docker sends what is left of the tar again.
        Assert.Contains("began before", (await rig.ApplyAsync(Base, "", new MemoryStream(tar)))["Err"]!.GetValue<string>(), StringComparison.Ordinal);
        await rig.FailAsync("Get", $$"""{"ID":"{{Base}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        Assert.Empty(rig.Store.Driver.List());
        await rig.LayerAsync(Base, null, tar);
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
    }

    [Fact]
    public async Task What_is_no_layer_is_refused_and_can_be_removed()
    {
        await using var rig = await PluginRig.StartAsync("vfs");
        foreach (byte[] tar in new[] { [], Encoding.ASCII.GetBytes(new string('x', 2000)), new TarBuilder().File("../out", "x").ToArray(), BaseTar[..700] })
        {
            await rig.DoAsync("Create", $$"""{"ID":"{{Base}}"}""");
            Assert.NotEqual("", (await rig.ApplyAsync(Base, "", new MemoryStream(tar)))["Err"]?.GetValue<string>() ?? "");
            await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        }
        Assert.Contains("?id=", (await rig.ApplyAsync("", "", new MemoryStream(BaseTar)))["Err"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Empty(rig.Store.Driver.List());
    }

    [Fact]
    public async Task Malformed_calls_are_errors_that_Docker_can_read()
    {
        await using var rig = await PluginRig.StartAsync("vfs");
        await rig.FailAsync("Create", "{\"ID\":");
        await rig.FailAsync("Create", "[]");
        await rig.FailAsync("Create");
        await rig.FailAsync("Create", """{"ID":"a/b"}""");
        await rig.FailAsync("Create", """{"ID":".."}""");
        await rig.FailAsync("Create", "{\"ID\":\"a\\u0000b\"}");
        await rig.FailAsync("Create", $$"""{"ID":"{{new string('a', 4096)}}"}""");
        await rig.FailAsync("Create", $$"""{"ID":"{{new string('a', 2 << 20)}}"}""");
        await rig.FailAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Base}}"}""");
        await rig.FailAsync("CreateReadWrite", $$"""{"ID":"{{Top}}","StorageOpt":{"nonsense":"1"} }""");
        await rig.FailAsync("Get", $$"""{"ID":"{{Top}}"}""");
        await rig.FailAsync("Changes", $$"""{"ID":"{{Top}}"}""");
        await rig.FailAsync("Init", """{"Home":"/x","Opts":["overlay.unknown=1"]}""");
        await rig.DoAsync("Init", """{"Home":"/x","Opts":["overlay.known=1"]}""");
        await rig.FailAsync("Init", """{"Home":"/x","UIDMaps":[{"container_id":0,"host_id":-5,"size":1}],"GIDMaps":[{"container_id":0,"host_id":5,"size":1}]}""");
        Assert.False((await rig.AskAsync("Exists", """{"ID":"../x"}"""))["Exists"]!.GetValue<bool>());
        await rig.DoAsync("Remove", $$"""{"ID":"{{Top}}"}""");
        using var content = new StringContent($$"""{"ID":"{{Top}}"}""");
        using var response = await rig.Client.PostAsync(new Uri("/GraphDriver.Diff", UriKind.Relative), content);
        Assert.Equal(500, (int)response.StatusCode); // any body at 200 would be taken for a tar
        Assert.Empty(rig.Store.Driver.List());
    }

    [Fact]
    public async Task A_call_that_is_sent_again_is_answered_as_the_first()
    {
        await using var rig = await PluginRig.StartAsync("vfs");
        await rig.DoAsync("Create", $$"""{"ID":"{{Base}}"}""");
        await rig.DoAsync("Create", $$"""{"ID":"{{Base}}"}""");
        Assert.Single(rig.Store.Driver.List());
        await rig.FailAsync("CreateReadWrite", $$"""{"ID":"{{Base}}"}""");
        await rig.ApplyAsync(Base, "", new MemoryStream(BaseTar));
        await rig.FailAsync("Create", $$"""{"ID":"{{Base}}"}""");
        Assert.True((await rig.AskAsync("Exists", $$"""{"ID":"{{Base}}"}"""))["Exists"]!.GetValue<bool>());
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task Counts_of_mounts_survive_a_restart_and_cleanup_leaves_those_of_others(string driver)
    {
        await using var rig = await PluginRig.StartAsync(driver);
        await rig.LayerAsync(Base, null, BaseTar);
        await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Container}}","Parent":"{{Base}}"}""");
        string root = await rig.GetAsync(Container);
        Assert.Equal(root, await rig.GetAsync(Container));
        await rig.RestartAsync();
        Assert.True(File.Exists(Path.Combine(root, "etc/one")));
        await rig.DoAsync("Put", $$"""{"ID":"{{Container}}"}""");
        Assert.True(File.Exists(Path.Combine(root, "etc/one")));
        await rig.DoAsync("Put", $$"""{"ID":"{{Container}}"}""");
        Assert.False(File.Exists(Path.Combine(root, "etc/one")));
        await rig.DoAsync("Put", $$"""{"ID":"{{Container}}"}""");

        // A Docker that was killed did not give them back.
        rig.Store.CreateWritable("box", rig.Store.Graph.Find(Base)!.Layer);
        string box = rig.Store.Mount("box");
        await rig.GetAsync(Container);
        await rig.GetAsync(Container);
        await rig.DoAsync("Cleanup");
        Assert.False(File.Exists(Path.Combine(root, "etc/one")));
        Assert.True(File.Exists(Path.Combine(box, "etc/one")));
        await rig.GetAsync(Container);
        await rig.DoAsync("Remove", $$"""{"ID":"{{Container}}"}""");
        rig.Store.Unmount("box");
        rig.Store.RemoveWritable("box");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        Assert.Empty(rig.Store.Driver.List());
    }

    [Theory]
    [InlineData("overlay", "container_id", "host_id", "size")]
    [InlineData("erofs", "ContainerID", "HostID", "Size")]
    public async Task Owners_are_mapped_for_a_user_namespace(string driver, string container, string host, string size)
    {
        await using var rig = await PluginRig.StartAsync(driver);
        string home = rig.Scratch["home"], range = $$"""[{"{{container}}":0,"{{host}}":100000,"{{size}}":65536}]""";
        await rig.DoAsync("Init", $$"""{"Home":"{{home}}","UIDMaps":{{range}},"GIDMaps":{{range}}}""");
        Assert.False((await rig.DoAsync("Capabilities"))["Capabilities"]!["ReproducesExactDiffs"]!.GetValue<bool>());
        await rig.LayerAsync(Base, null, BaseTar);
        await rig.LayerAsync(Top, Base, TopTar);
        await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Container}}","Parent":"{{Top}}"}""");
        await rig.RestartAsync(); // Docker does not begin anew with it
        string root = await rig.GetAsync(Container);
        Assert.StartsWith(home, root, StringComparison.Ordinal); // the store is closed to all but root
        Assert.Equal("100000 100000", Commands.Run("stat", "-c", "%u %g", root).Trim());
        Assert.Equal("100005 100006", Commands.Run("stat", "-c", "%u %g", Path.Combine(root, "etc/two")).Trim());
        File.WriteAllText(Path.Combine(root, "new"), "new");
        Commands.Run("chown", "101000:101001", Path.Combine(root, "new"));
        byte[] diff = await rig.DiffAsync(Container, Top);
        File.WriteAllBytes(rig.Scratch["diff.tar"], diff);
        Assert.Contains("1000/1001", Commands.Run("tar", "--numeric-owner", "-tvf", rig.Scratch["diff.tar"]), StringComparison.Ordinal);
        await rig.DoAsync("Put", $$"""{"ID":"{{Container}}"}""");
        foreach (string id in new[] { Container, Top, Base })
            await rig.DoAsync("Remove", $$"""{"ID":"{{id}}"}""");
        await rig.DoAsync("Init", """{"Home":"/x"}""");
        Assert.Null(rig.Store.Graph.IdMapping);
    }

    [Fact]
    public async Task A_daemon_that_is_killed_while_it_applies_leaves_nothing()
    {
        using var scratch = new ScratchDirectory();
        string socket = scratch["d.sock"];
        byte[] half = new TarBuilder().File("a", new string('a', 100_000)).ToArray()[..60_000];
        using (var daemon = StartDaemon(scratch))
        {
            using var http = SocketClient.Of(socket);
            (await http.PostAsync(new Uri("/GraphDriver.Create", UriKind.Relative), new StringContent($$"""{"ID":"{{Base}}"}"""))).Dispose();
            using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await client.ConnectAsync(new UnixDomainSocketEndPoint(socket));
            await client.SendAsync(Encoding.ASCII.GetBytes($"POST /GraphDriver.ApplyDiff?id={Base}&parent= HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{half.Length:x}\r\n"));
            await client.SendAsync(half);
            daemon.Await(() => Directory.GetFiles(Path.Combine(scratch["store"], "leases")).Length == 1, "the lease");
            daemon.Kill();
        }
        using (StartDaemon(scratch))
        {
            using var http = SocketClient.Of(socket);
            using var removed = await http.PostAsync(new Uri("/GraphDriver.Remove", UriKind.Relative), new StringContent($$"""{"ID":"{{Base}}"}"""));
            Assert.Equal("""{"Err":""}""", await removed.Content.ReadAsStringAsync());
        }
        using var store = Strata.Store.Store.Open(new StoreOptions { Root = scratch["store"] });
        Assert.Empty(store.Driver.List());
        Assert.Empty(Directory.GetFiles(Path.Combine(scratch["store"], "leases")));
        Assert.Empty(Directory.GetFiles(Path.Combine(scratch["store"], "recipes")));
    }

    private static DaemonProcess StartDaemon(ScratchDirectory scratch)
    {
        var daemon = new DaemonProcess(DaemonProcess.Stratad, "serve", "--root", scratch["store"], "--driver", "vfs", "--docker-socket", scratch["d.sock"]);
        daemon.Await(() => daemon.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
        return daemon;
    }

    private static async Task AwaitAsync(Func<bool> condition)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.True(i < 3000, "it did not come");
            await Task.Delay(20);
        }
    }
}
