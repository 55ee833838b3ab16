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

    /// <summary>Prints the median, the 99th hundredth and the sum of calls a second for one snapshotter. Leaves its snapshots for the next round.</summary>
    /// <param name="socket">containerd's socket, or stratad's.</param>
    /// <param name="snapshotter">The name of the snapshotter there.</param>
    /// <param name="clients">How many at once.</param>
    /// <param name="there">How many snapshots there are before.</param>
    /// <param name="turns">How many times each client does it.</param>
    internal static async Task RunAsync(string socket, string snapshotter, int clients, int there, int turns)
    {
        using var channel = Connect(socket);
        var client = new Snapshots.SnapshotsClient(channel);
        var headers = new Metadata { { "containerd-namespace", Namespace } };
        await FillAsync(client, headers, snapshotter, there);

        var times = new double[clients * turns];
        long begin = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(c => Task.Run(async () =>
        {
            for (int i = 0; i < turns; i++)
            {
                string key = $"turn-{Environment.ProcessId}-{c}-{i}";
                long start = Stopwatch.GetTimestamp();
                await client.PrepareAsync(Root(new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = key, Parent = "base" }), headers);
                await client.MountsAsync(new MountsRequest { Snapshotter = snapshotter, Key = key }, headers);
                await client.RemoveAsync(new RemoveSnapshotRequest { Snapshotter = snapshotter, Key = key }, headers);
                times[(c * turns) + i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        })));
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Array.Sort(times);
        Console.Out.WriteLine(
            $"snapshots\t{snapshotter}\tclients {clients}\tthere {there}\tmedian ms {times[times.Length / 2]:F2}\tp99 ms {times[times.Length * 99 / 100]:F2}\tper s {times.Length / seconds:F0}");
    }

    /// <summary>A committed snapshot, and on it as many active ones as are missing.</summary>
    private static async Task FillAsync(Snapshots.SnapshotsClient client, Metadata headers, string snapshotter, int there)
    {
        int found = 0;
        using (var list = client.List(new ListSnapshotsRequest { Snapshotter = snapshotter }, headers))
        {
            await foreach (var some in list.ResponseStream.ReadAllAsync())
                found += some.Info.Count;
        }
        if (found == 0)
        {
            await client.PrepareAsync(Root(new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = "base-active" }), headers);
            var commit = new CommitSnapshotRequest { Snapshotter = snapshotter, Name = "base", Key = "base-active" };
            commit.Labels.Add("containerd.io/gc.root", "bench");
            await client.CommitAsync(commit, headers);
            found = 1;
        }
        await Parallel.ForEachAsync(Enumerable.Range(found, Math.Max(0, there - found)), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancelled) =>
            await client.PrepareAsync(Root(new PrepareSnapshotRequest { Snapshotter = snapshotter, Key = $"there-{i}", Parent = "base" }), headers, cancellationToken: cancelled));
    }

    /// <summary>containerd would collect what nothing names.</summary>
    private static PrepareSnapshotRequest Root(PrepareSnapshotRequest request)
    {
        request.Labels.Add("containerd.io/gc.root", "bench");
        return request;
    }

    private static GrpcChannel Connect(string socket) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
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
