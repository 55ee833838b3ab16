using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Docker;

/// <summary>What Docker would not send, at moments at which it would not.</summary>
public sealed class PluginBadInputTests
{
    private const string Base = "ba5e0000", Top = "70b00000", Box = "c0d00000";
    private static readonly byte[] _tar = new TarBuilder().Dir("etc").File("etc/one", "one\n").ToArray();

    [Fact]
    public async Task IDs_that_are_none_and_parents_that_are_wrong_are_refused_by_every_call()
    {
        await using var rig = await PluginRig.StartAsync("vfs");
        await rig.LayerAsync(Base, null, _tar);
        await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Box}}","Parent":"{{Base}}"}""");
        foreach (string bad in new[] { "", "a/b", "..", "/etc", "a\\u0000b", "\\u00e9", new string('a', 129), new string('a', 4096) })
        {
            foreach (string call in new[] { "Create", "CreateReadWrite", "Remove", "Get", "Put", "GetMetadata", "Changes", "DiffSize" })
                await rig.FailAsync(call, $$"""{"ID":"{{bad}}"}""");
            Assert.Equal(500, await DiffAsync(rig, bad, ""));
            Assert.NotEqual("", (await rig.ApplyAsync(Uri.EscapeDataString(bad.Replace("\\u0000", "\0", StringComparison.Ordinal)), "", new MemoryStream(_tar)))["Err"]!.GetValue<string>());
            if (bad.Length == 0)
                continue; // no parent
            foreach (string call in new[] { "Create", "CreateReadWrite" })
                await rig.FailAsync(call, $$"""{"ID":"{{Top}}","Parent":"{{bad}}"}""");
            foreach (string call in new[] { "Changes", "DiffSize" })
                await rig.FailAsync(call, $$"""{"ID":"{{Box}}","Parent":"{{bad}}"}""");
            Assert.Equal(500, await DiffAsync(rig, Box, bad));
        }

        await rig.FailAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Top}}"}""");
        await rig.DoAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Base}}"}""");
        await rig.FailAsync("Create", $$"""{"ID":"{{Top}}"}""");
        await rig.FailAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Box}}"}""");
        await rig.FailAsync("CreateReadWrite", $$"""{"ID":"{{Top}}","Parent":"{{Base}}"}""");
        foreach (string wrong in new[] { Box, "07e00000" })
            Assert.Contains("not on", (await rig.ApplyAsync(Top, wrong, new MemoryStream(_tar)))["Err"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal("", (await rig.ApplyAsync(Top, Base, new MemoryStream(_tar)))["Err"]?.GetValue<string>() ?? ""); // a refused one did not begin
        Assert.Equal(3, rig.Store.Graph.List().Count);
        foreach (string id in new[] { Top, Box, Base })
            await rig.DoAsync("Remove", $$"""{"ID":"{{id}}"}""");
        Assert.Empty(rig.Store.Driver.List());
    }

    [Theory]
    [InlineData("vfs")]
    [InlineData("erofs")]
    public async Task What_is_being_removed_is_never_under_what_is_made(string driver)
    {
        await using var rig = await PluginRig.StartAsync(driver);
        for (int round = 0; round < 6; round++)
        {
            await rig.LayerAsync(Base, null, _tar);
            string? removed = null;
            var calls = Enumerable.Range(0, 6).Select(i => Task.Run(async () =>
            {
                if (i == 3)
                    removed = (await rig.AskAsync("Remove", $$"""{"ID":"{{Base}}"}"""))["Err"]!.GetValue<string>();
                else if (i == 4)
                    await rig.AskAsync("Get", $$"""{"ID":"{{Base}}"}""");
                else
                    await rig.AskAsync("CreateReadWrite", $$"""{"ID":"{{Box}}{{i}}","Parent":"{{Base}}"}""");
            })).ToArray();
            await Task.WhenAll(calls);
            var there = rig.Store.Graph.List();
            Assert.Equal(removed == "", !there.Any(l => l.Id == Base));
            Assert.True(removed != "" || there.Count == 0, $"on what was removed: {string.Join(", ", there)}");
            foreach (var layer in there.OrderBy(l => l.Id == Base))
                await rig.DoAsync("Remove", $$"""{"ID":"{{layer.Id}}"}""");
            Assert.Empty(rig.Store.Driver.List());
        }
    }

    [Theory]
    [InlineData("vfs")]
    [InlineData("erofs")]
    public async Task A_layer_whose_client_stands_still_or_goes_away_can_be_removed(string driver)
    {
        await using var rig = await PluginRig.StartAsync(driver);
        byte[] big = new TarBuilder().Raw("big"u8.ToArray(), '0', content: new byte[8 << 20]).ToArray();
        await rig.LayerAsync(Base, null, big);
        await rig.DoAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Base}}"}""");
        using (var applies = await ConnectAsync(rig, $"POST /GraphDriver.ApplyDiff?id={Top}&parent={Base} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{700:x}\r\n"))
        using (var reads = await ConnectAsync(rig, Request("Diff", $$"""{"ID":"{{Base}}"}""")))
        {
            await applies.SendAsync(big.AsMemory(0, 700));
            await AwaitAsync(() => rig.Store.Graph.Find(Top)!.Content == GraphContent.Begun);
            Assert.True(await reads.ReceiveAsync(new byte[10_000]) > 0);
            // Other layers wait for neither.
            await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Box}}","Parent":"{{Base}}"}""");
            await rig.DoAsync("Remove", $$"""{"ID":"{{Box}}"}""");
            Assert.Contains("is on it", await rig.FailAsync("Remove", $$"""{"ID":"{{Base}}"}"""), StringComparison.Ordinal);
        }
        await rig.DoAsync("Remove", $$"""{"ID":"{{Top}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        await AwaitAsync(() => rig.Store.Driver.List().Count == 0);
        Assert.Empty(rig.Store.Check().Select(f => f.ToString()));
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("vfs")]
    public async Task On_a_full_disk_a_layer_is_refused_and_removing_makes_room(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await PluginRig.StartAsync(driver, "size=6m");
        await rig.LayerAsync(Base, null, _tar);
        await rig.DoAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Base}}"}""");
        var big = new TarBuilder().Raw("big"u8.ToArray(), '0', content: new byte[8 << 20]);
        string error = (await rig.ApplyAsync(Top, Base, big.ToStream()))["Err"]!.GetValue<string>();
        Assert.Contains("space", error, StringComparison.OrdinalIgnoreCase);
        await rig.FailAsync("Get", $$"""{"ID":"{{Top}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Top}}"}""");

        await rig.DoAsync("CreateReadWrite", $$"""{"ID":"{{Box}}","Parent":"{{Base}}"}""");
        string root = await rig.GetAsync(Box);
        Assert.ThrowsAny<IOException>(() =>
        {
            using var file = File.Create(Path.Combine(root, "full"));
            for (long i = 0; i < 1000; i++)
                file.Write(new byte[65536]);
        });
        await rig.FailAsync("Create", $$"""{"ID":"{{Top}}","Parent":"{{Base}}"}""");
        await rig.DoAsync("Put", $$"""{"ID":"{{Box}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Box}}"}""");
        await rig.LayerAsync(Top, Base, _tar);
        await rig.DoAsync("Remove", $$"""{"ID":"{{Top}}"}""");
        await rig.DoAsync("Remove", $$"""{"ID":"{{Base}}"}""");
        Assert.Empty(rig.Store.Driver.List());
        Assert.DoesNotContain(rig.Store.Check(repair: true), f => f.Kind == FindingKind.Damage);
    }

    [Fact]
    public async Task Killed_at_any_moment_it_loses_nothing_that_it_said_was_done()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "overlay needs root");
        using var scratch = new ScratchDirectory();
        byte[] tar = new TarBuilder().Dir("etc").Raw("big"u8.ToArray(), '0', content: new byte[300_000]).ToArray();
        var whole = new List<string>();
        int made = 0;
        for (int round = 0; round < 6; round++)
        {
            using var daemon = Start();
            using var http = SocketClient.Of(scratch["d.sock"]);
            foreach (string id in whole)
                Assert.Equal(tar, await PostAsync(http, "Diff", $$"""{"ID":"{{id}}"}"""));
            int calls = 0, last = 1 + (round * 7); // each round in another call, and at another place in it
            var killed = Task.Run(async () =>
            {
                await AwaitAsync(() => Volatile.Read(ref calls) >= last);
                await Task.Delay(round * 3);
                daemon.Kill();
            });
            try
            {
                while (true)
                {
                    string id = $"{made++:x8}";
                    await CountedAsync("Create", id, null);
                    using var content = new ByteArrayContent(tar);
                    using var reply = await http.PostAsync(new Uri($"/GraphDriver.ApplyDiff?id={id}&parent=", UriKind.Relative), content);
                    Assert.Contains("\"Size\":300000", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
                    whole.Add(id);
                    calls++;
                    await CountedAsync("CreateReadWrite", id + "-c", id);
                    await CountedAsync("Get", id + "-c", null);
                    await CountedAsync("Put", id + "-c", null);
                    await CountedAsync("Remove", id + "-c", null);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                await killed; // no answer: it may be done or not
            }

            async Task CountedAsync(string call, string id, string? parent)
            {
                await DoAsync(http, call, id, parent);
                calls++;
            }
        }
        Assert.NotEmpty(whole);
        using (var daemon = Start())
        using (var http = SocketClient.Of(scratch["d.sock"]))
        {
            for (int i = 0; i < made; i++)
            {
                await DoAsync(http, "Remove", $"{i:x8}-c", null);
                await DoAsync(http, "Remove", $"{i:x8}", null);
            }
        }
        Assert.Empty(Mounts.AtOrBelow(scratch["store"]));
        using var store = Strata.Store.Store.Open(new StoreOptions { Root = scratch["store"] });
        Assert.Empty(store.Driver.List());
        Assert.DoesNotContain(store.Check(repair: true), f => f.Kind == FindingKind.Damage);
        Assert.Empty(store.Check().Select(f => f.ToString()));

        DaemonProcess Start()
        {
            var daemon = new DaemonProcess(DaemonProcess.Stratad, "serve", "--root", scratch["store"], "--driver", "overlay", "--docker-socket", scratch["d.sock"]);
            daemon.Await(() => daemon.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
            return daemon;
        }
    }

    private static async Task DoAsync(HttpClient http, string call, string id, string? parent)
    {
        byte[] reply = await PostAsync(http, call, parent is null ? $$"""{"ID":"{{id}}"}""" : $$"""{"ID":"{{id}}","Parent":"{{parent}}"}""");
        Assert.Equal("", JsonNode.Parse(reply)!["Err"]?.GetValue<string>() ?? "");
    }

    private static async Task<byte[]> PostAsync(HttpClient http, string call, string body)
    {
        using var content = new StringContent(body);
        using var response = await http.PostAsync(new Uri("/GraphDriver." + call, UriKind.Relative), content);
        return await response.Content.ReadAsByteArrayAsync();
    }

    private static async Task<int> DiffAsync(PluginRig rig, string id, string parent)
    {
        using var content = new StringContent($$"""{"ID":"{{id}}","Parent":"{{parent}}"}""");
        using var response = await rig.Client.PostAsync(new Uri("/GraphDriver.Diff", UriKind.Relative), content);
        return (int)response.StatusCode;
    }

    private static string Request(string call, string body) => $"POST /GraphDriver.{call} HTTP/1.1\r\nHost: x\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    private static async Task<Socket> ConnectAsync(PluginRig rig, string request)
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(rig.Scratch["d.sock"]));
        await client.SendAsync(Encoding.ASCII.GetBytes(request));
        return client;
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
