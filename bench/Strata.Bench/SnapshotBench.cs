using System.Diagnostics;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Bench;

/// <summary>
/// Prepare + Mounts + Remove by several clients at once over a store of many snapshots, by gRPC: the same client for containerd's own snapshotters, for
/// ours behind containerd, and for ours alone.
/// </summary>
internal static class SnapshotBench
{
    private const string Namespace = "bench";
    private const string Base = "base";

    private const int WarmUp = 5;

    /// <summary>Prints a row with the median of the times of one snapshotter, and the spread on standard error.</summary>
    /// <param name="socket">containerd's socket, or stratad's.</param>
    /// <param name="snapshotter">The name of the snapshotter there; <c>alone</c>: stratad itself is asked, in containerd's words; <c>floor</c>: it is asked three times for what it only looks up.</param>
    /// <param name="clients">How many at once.</param>
    /// <param name="turns">How many times each client does it.</param>
    /// <param name="round">Which round it is.</param>
    /// <param name="row">Prints.</param>
    internal static async Task RunAsync(string socket, string snapshotter, int clients, int turns, int round, Action<string, string, int, TimeSpan> row)
    {
        using var channel = Connect(socket);
        var client = new Snapshots.SnapshotsClient(channel);
        var headers = new Metadata { { "containerd-namespace", Namespace } };
        string parent = snapshotter is "alone" or "floor" ? await FindBaseAsync(client) : Base;

        var times = new double[clients * turns];
        long begin = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(c => Task.Run(async () =>
        {
            for (int i = -WarmUp; i < turns; i++)
            {
                string key = $"turn-{Environment.ProcessId}-{c}-{i}";
                long start = Stopwatch.GetTimestamp();
                if (snapshotter == "floor")
                {
                    for (int call = 0; call < 3; call++)
                        await client.StatAsync(new StatSnapshotRequest { Snapshotter = snapshotter, Key = parent }, headers);
                }
                else
                {
                    await client.PrepareAsync(Root(new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = key, Parent = parent }), headers);
                    await client.MountsAsync(new MountsRequest { Snapshotter = snapshotter, Key = key }, headers);
                    await client.RemoveAsync(new RemoveSnapshotRequest { Snapshotter = snapshotter, Key = key }, headers);
                }
                if (i >= 0)
                    times[(c * turns) + i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        })));
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Array.Sort(times);
        row("prepare-mounts-remove", snapshotter, round, TimeSpan.FromMilliseconds(times[times.Length / 2]));
        Console.Error.WriteLine($"{snapshotter}: median {times[times.Length / 2]:F2} ms, 99 of 100 within {times[times.Length * 99 / 100]:F2} ms, {times.Length / seconds:F0} a second");
    }

    /// <summary>Starts stratad over a full store several times, and prints how long it took to the first answer.</summary>
    internal static async Task StartAsync(string socket, int runs, string program, string[] arguments)
    {
        var times = new double[runs];
        string key = "";
        for (int i = -1; i < runs; i++) // the first one finds what to ask for
        {
            long start = Stopwatch.GetTimestamp();
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
            while ((await process.StandardOutput.ReadLineAsync())?.EndsWith("ready", StringComparison.Ordinal) == false)
            {
            }
            using (var channel = Connect(socket))
            {
                var client = new Snapshots.SnapshotsClient(channel);
                if (i < 0)
                    key = await FindBaseAsync(client);
                await client.StatAsync(new StatSnapshotRequest { Key = key });
                if (i >= 0)
                    times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
            using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync();
        }
        Array.Sort(times);
        Console.Out.WriteLine($"start to the first answer, this client's own share included: median {times[runs / 2]:F0} ms, best {times[0]:F0} ms");
    }

    /// <summary>The key that containerd has given the snapshot which all lie on.</summary>
    private static async Task<string> FindBaseAsync(Snapshots.SnapshotsClient client)
    {
        using var list = client.List(new ListSnapshotsRequest { Filters = { "kind==committed" } });
        await foreach (var some in list.ResponseStream.ReadAllAsync())
        {
            if (some.Info.FirstOrDefault(i => i.Name == Base || i.Name.EndsWith("/" + Base, StringComparison.Ordinal)) is { } found)
                return found.Name;
        }
        throw new InvalidOperationException("fill first");
    }

    /// <summary>A committed snapshot, and on it as many active ones as are missing.</summary>
    internal static async Task FillAsync(string socket, string snapshotter, int there)
    {
        using var channel = Connect(socket);
        var client = new Snapshots.SnapshotsClient(channel);
        var headers = new Metadata { { "containerd-namespace", Namespace } };
        int found = 0;
        using (var list = client.List(new ListSnapshotsRequest { Snapshotter = snapshotter }, headers))
        {
            await foreach (var some in list.ResponseStream.ReadAllAsync())
                found += some.Info.Count;
        }
        if (found == 0)
        {
            await client.PrepareAsync(Root(new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = "base-active" }), headers);
            var commit = new CommitSnapshotRequest { Snapshotter = snapshotter, Name = Base, Key = "base-active" };
            commit.Labels.Add("containerd.io/gc.root", "bench");
            await client.CommitAsync(commit, headers);
            found = 1;
        }
        await Parallel.ForEachAsync(Enumerable.Range(found, Math.Max(0, there - found)), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancelled) =>
            await client.PrepareAsync(Root(new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = $"there-{i}", Parent = Base }), headers, cancellationToken: cancelled));
    }

    /// <summary>containerd would collect what nothing names.</summary>
    private static PrepareSnapshotRequest Root(PrepareSnapshotRequest request)
    {
        request.Labels.Add("containerd.io/gc.root", "bench");
        return request;
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
