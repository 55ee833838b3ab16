using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Strata.Daemon.Containerd.Wire;
using Strata.Daemon.Serving;
using Strata.Drivers;
using Strata.Oci.Registries;
using Strata.Store;
using Strata.Testing;
using WireMount = Strata.Daemon.Containerd.Wire.Mount;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>A store served in this process, its client, and the mounts that a test performs as containerd would.</summary>
internal sealed class SnapshotRig : IAsyncDisposable
{
    private readonly List<string> _mounted = [];
    private int _number;
    private DaemonHost _host = null!;
    private GrpcChannel _channel = null!;

    private SnapshotRig(string driver) => Driver = driver;

    internal string Driver { get; }

    internal ScratchDirectory Scratch { get; } = new();

    internal Store.Store Store { get; private set; } = null!;

    internal Snapshots.SnapshotsClient Client { get; private set; } = null!;

    internal Diff.DiffClient Differ { get; private set; } = null!;

    internal RegistryOptions? Fetch { get; private init; }

    internal TimeSpan CallTimeout { get; private init; } = TimeSpan.FromMinutes(5);

    internal bool Ahead { get; private init; }

    internal DriverRegistry? Drivers { get; private init; }

    internal Action<IServiceCollection>? Besides { get; private init; }

    internal string ContainerdAddress { get; set; } = "";

    internal CallInvoker Invoker => _channel.CreateCallInvoker();

    /// <summary>Starts.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="containerdAddress">containerd's own socket; null: none.</param>
    /// <param name="fetch">How what containerd is about to pull is fetched; null: not.</param>
    /// <param name="callTimeout">How long a call may take, or move no byte; null: long.</param>
    /// <param name="ahead">Layers that come into containerd's content store are applied ahead.</param>
    /// <param name="tmpfsOptions">The store lies on a tmpfs with these options; null: beside everything else.</param>
    /// <param name="drivers">The drivers that there are; null: the usual ones.</param>
    /// <param name="besides">Adds services to the daemon's, and all is logged; null: there are no others.</param>
    internal static async Task<SnapshotRig> StartAsync(
        string driver, string? containerdAddress = null, string? tmpfsOptions = null, RegistryOptions? fetch = null, TimeSpan? callTimeout = null, bool ahead = false,
        DriverRegistry? drivers = null, Action<IServiceCollection>? besides = null)
    {
        var rig = new SnapshotRig(driver) { Fetch = fetch, CallTimeout = callTimeout ?? TimeSpan.FromMinutes(5), Ahead = ahead, Drivers = drivers, Besides = besides };
        try
        {
            if (tmpfsOptions is not null)
                rig.Scratch.MountTmpfs("store", tmpfsOptions);
            else if (driver == "btrfs")
                rig.Scratch.MountLoop("store", "btrfs", 256);
            rig.ContainerdAddress = containerdAddress ?? rig.Scratch["no-containerd.sock"];
            await rig.StartAsync();
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
        await StopAsync();
        await StartAsync();
    }

    internal async Task<IReadOnlyList<WireMount>> PrepareAsync(string key, string parent = "", params (string Key, string Value)[] labels)
    {
        var request = new PrepareSnapshotRequest { Snapshotter = "strata", Key = key, Parent = parent };
        foreach (var (label, value) in labels)
            request.Labels.Add(label, value);
        return (await Client.PrepareAsync(request)).Mounts;
    }

    internal async Task<IReadOnlyList<WireMount>> ViewAsync(string key, string parent = "") =>
        (await Client.ViewAsync(new ViewSnapshotRequest { Key = key, Parent = parent })).Mounts;

    internal async Task<IReadOnlyList<WireMount>> MountsAsync(string key) => (await Client.MountsAsync(new MountsRequest { Key = key })).Mounts;

    internal async Task CommitAsync(string name, string key, string parent = "", params (string Key, string Value)[] labels)
    {
        var request = new CommitSnapshotRequest { Name = name, Key = key, Parent = parent };
        foreach (var (label, value) in labels)
            request.Labels.Add(label, value);
        await Client.CommitAsync(request);
    }

    internal async Task RemoveAsync(string key) => await Client.RemoveAsync(new RemoveSnapshotRequest { Key = key });

    /// <summary>What the driver holds when the files of all that was removed are gone.</summary>
    internal IReadOnlyList<LayerId> LayersOfDriver()
    {
        Store.Snapshots.Flush();
        return Store.Driver.List();
    }

    internal async Task<Info> StatAsync(string key) => (await Client.StatAsync(new StatSnapshotRequest { Key = key })).Info;

    internal async Task<string[]> ListAsync(params string[] filters)
    {
        var request = new ListSnapshotsRequest();
        request.Filters.AddRange(filters);
        using var call = Client.List(request);
        var names = new List<string>();
        await foreach (var response in call.ResponseStream.ReadAllAsync())
            names.AddRange(response.Info.Select(i => i.Name));
        return [.. names.Order(StringComparer.Ordinal)];
    }

    /// <summary>Prepares, lets something be written, commits.</summary>
    internal async Task LayerAsync(string name, string parent, Action<string> write)
    {
        string root = Mount(await PrepareAsync(name + "-work", parent));
        write(root);
        Unmount(root);
        await CommitAsync(name, name + "-work");
    }

    /// <summary>Looks at a committed snapshot.</summary>
    internal async Task LookAsync(string parent, Action<string> look)
    {
        string key = $"look {_number++}";
        string root = Mount(await ViewAsync(key, parent));
        try
        {
            look(root);
        }
        finally
        {
            Unmount(root);
            await RemoveAsync(key);
        }
    }

    /// <summary>Performs mounts by mount(8), as any other program would: nothing of ours is used.</summary>
    internal string Mount(IReadOnlyList<WireMount> mounts)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        string target = Scratch.Make($"mnt{_number++}");
        foreach (var mount in mounts)
            ClientMounts.Perform(mount, target);
        _mounted.Add(target);
        return target;
    }

    internal void Unmount(string target)
    {
        Commands.Run("umount", target);
        _mounted.Remove(target);
        Directory.Delete(target);
    }

    internal static async Task<string> FailsAsync(StatusCode code, Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(error.StatusCode == code, $"expected {code}, got {error.Status}");
        return error.Status.Detail;
    }

    public async ValueTask DisposeAsync()
    {
        using var closing = new Closing();
        foreach (string target in _mounted.ToArray())
            closing.Do(() => Unmount(target));
        if (Store is not null)
            closing.Do(RemoveSnapshots);
        await closing.DoAsync(StopAsync);
        closing.Do(() => Assert.Empty(Testing.Mounts.AtOrBelow(Scratch.Path, except: Scratch["store"])));
        foreach (string directory in new[] { Scratch["store/leases"], Scratch["store/erofs/.holds"] }.Where(Directory.Exists))
            closing.Do(() => Assert.Empty(Directory.GetFiles(directory)));
        closing.Do(Scratch.Dispose);
    }

    /// <summary>In an order in which each can go: those that nothing is on first.</summary>
    private void RemoveSnapshots()
    {
        for (var left = Store.Snapshots.List(); left.Count > 0; left = Store.Snapshots.List())
        {
            var parents = left.Select(s => s.Parent).ToHashSet();
            foreach (var leaf in left.Where(s => !parents.Contains(s.Key)))
                Store.Snapshots.Remove(leaf.Key);
        }
    }

    private async Task StartAsync()
    {
        string socket = Scratch["c.sock"];
        var options = new ServeOptions { ContainerdSocket = socket, ContainerdAddress = ContainerdAddress, ContainerdFetch = Fetch, ContainerdAhead = Ahead, CallTimeout = CallTimeout, LogLevel = Besides is null ? "warning" : "info" };
        Store = Strata.Store.Store.Open(new StoreOptions { Root = Scratch["store"], Driver = Driver, Registry = Drivers, SnapshotFlush = options.SnapshotFlush });
        _host = DaemonHost.Make(options, Store, Besides);
        await _host.StartAsync(default);
        _channel = Connect(socket);
        Client = new Snapshots.SnapshotsClient(_channel);
        Differ = new Diff.DiffClient(_channel);
    }

    private async Task StopAsync()
    {
        using (Store)
        await using (_host)
        {
            _channel?.Dispose();
            if (_host is not null)
                await _host.StopAsync();
        }
    }

    internal static GrpcChannel Connect(string socket) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellationToken) =>
                {
                    var connected = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await connected.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken);
                    return new NetworkStream(connected, ownsSocket: true);
                },
            },
            DisposeHttpClient = true,
        });
}
