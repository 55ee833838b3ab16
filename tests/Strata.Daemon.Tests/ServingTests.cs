using System.Net.Sockets;
using Strata.Daemon.Serving;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests;

public sealed class ServingTests
{
    [Fact]
    public async Task Sockets_are_private_and_gone_after_the_stop()
    {
        using var scratch = new ScratchDirectory();
        using var store = Store.Store.Open(new StoreOptions { Root = scratch["store"], Driver = "vfs" });
        string containerd = scratch["c.sock"], docker = scratch["deep/d.sock"], api = scratch["a.sock"];
        await using (var host = DaemonHost.Make(new ServeOptions { ContainerdSocket = containerd, DockerSocket = docker, ApiSocket = api }, store))
        {
            await host.StartAsync(default);
            foreach (string path in new[] { containerd, docker, api })
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            await host.StopAsync();
        }
        Assert.Empty(Directory.GetFiles(scratch.Path, "*.sock", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task The_api_lets_a_group_in_if_told_so()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "giving a file to another group needs root");
        using var scratch = new ScratchDirectory();
        using var store = Store.Store.Open(new StoreOptions { Root = scratch["store"], Driver = "vfs" });
        var options = new ServeOptions { ApiSocket = scratch["a.sock"], DockerSocket = scratch["d.sock"], ApiSocketGroup = "daemon" };
        await using (var host = DaemonHost.Make(options, store))
        {
            await host.StartAsync(default);
            Assert.Equal("root daemon 660", Commands.Run("stat", "-c", "%U %G %a", scratch["a.sock"]).Trim());
            Assert.Equal("root root 600", Commands.Run("stat", "-c", "%U %G %a", scratch["d.sock"]).Trim());
            await host.StopAsync();
        }
        await using (var host = DaemonHost.Make(options with { ApiSocketGroup = "1", ApiSocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }, store))
        {
            await host.StartAsync(default);
            Assert.Equal("root daemon 600", Commands.Run("stat", "-c", "%U %G %a", scratch["a.sock"]).Trim());
            await host.StopAsync();
        }
        var unknown = Assert.ThrowsAny<StrataException>(() => DaemonHost.Make(options with { ApiSocketGroup = "no-such-group" }, store));
        Assert.Contains("no-such-group", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_of_the_group_uses_the_api_and_nobody_else_does()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "giving a file to another group needs root");
        using var scratch = new ScratchDirectory();
        File.SetUnixFileMode(scratch.Path, File.GetUnixFileMode(scratch.Path) | UnixFileMode.OtherExecute);
        string api = scratch["a.sock"];
        File.WriteAllText(scratch["conf"], $"root = {scratch["store"]}\napi-socket = {api}\napi-socket-group = 54321\n");
        var options = ServeOptions.Load(scratch["conf"], given => given);
        using var store = Store.Store.Open(new StoreOptions { Root = options.Root, Driver = "vfs" });
        await using var host = DaemonHost.Make(options, store);
        await host.StartAsync(default);
        string[] other = ["--reuid", "65534", "--regid", "65534"];
        string[] create = [StrataProgram.Path, "--api-socket", api, "create", "box"];
        var (refused, _, message) = Commands.TryRun("setpriv", [.. other, "--groups", "54322", .. create]);
        Assert.Equal(7, refused); // permission denied
        Assert.Contains($"You may not open the socket {api}", message, StringComparison.Ordinal);
        Assert.Contains("api-socket-group", message, StringComparison.Ordinal);
        Assert.Empty(store.ListWritable());
        Commands.Run("setpriv", [.. other, "--groups", "54321", .. create]);
        Commands.Run("setpriv", ["--reuid", "65534", "--regid", "54321", "--clear-groups", StrataProgram.Path, "--api-socket", api, "rm", "box"]);
        Assert.Empty(store.ListWritable());
        await host.StopAsync();
    }

    [Fact]
    public async Task What_one_door_serves_is_not_reached_through_another()
    {
        using var scratch = new ScratchDirectory();
        using var store = Store.Store.Open(new StoreOptions { Root = scratch["store"], Driver = "vfs" });
        await using var host = DaemonHost.Make(new ServeOptions { DockerSocket = scratch["d.sock"], ApiSocket = scratch["a.sock"] }, store);
        await host.StartAsync(default);
        Assert.Equal(200, await PostAsync(scratch["d.sock"], "/Plugin.Activate"));
        Assert.Equal(404, await PostAsync(scratch["a.sock"], "/Plugin.Activate"));
        await host.StopAsync();
    }

    [Fact]
    public async Task A_socket_of_a_dead_daemon_is_taken_over_and_that_of_a_living_one_is_not()
    {
        using var scratch = new ScratchDirectory();
        using var store = Store.Store.Open(new StoreOptions { Root = scratch["store"], Driver = "vfs" });
        string path = scratch["a.sock"];
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(path + ".old"));
            File.Move(path + ".old", path);
        }
        Assert.True(File.Exists(path));
        await using var host = DaemonHost.Make(new ServeOptions { ApiSocket = path }, store);
        await host.StartAsync(default);
        await using (var second = DaemonHost.Make(new ServeOptions { ApiSocket = path }, store))
        {
            var refused = await Assert.ThrowsAnyAsync<StrataException>(() => second.StartAsync(default));
            Assert.Equal(ErrorKind.FailedPrecondition, refused.Kind);
        }
        Assert.True(File.Exists(path), "the second one took the first one's socket away");
        await host.StopAsync();
    }

    [Fact]
    public void A_file_in_the_place_of_a_socket_stays()
    {
        using var scratch = new ScratchDirectory();
        string path = scratch["a.sock"];
        File.WriteAllText(path, "mine");
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(() => DoorSockets.Bind(path)).Kind);
        Assert.Equal("mine", File.ReadAllText(path));
    }

    [Fact]
    public void No_door_is_an_error()
    {
        using var scratch = new ScratchDirectory();
        using var store = Store.Store.Open(new StoreOptions { Root = scratch["store"], Driver = "vfs" });
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => DaemonHost.Make(new ServeOptions(), store)).Kind);
    }

    private static async Task<int> PostAsync(string socket, string path)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var connected = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connected.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken);
                return new NetworkStream(connected, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler);
        using var response = await client.PostAsync(new Uri("http://localhost" + path), null);
        return (int)response.StatusCode;
    }
}
