using System.Collections.Concurrent;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>stratad is killed at any moment: what runs on its mounts runs on, and what it answered is there afterwards.</summary>
public sealed class KilledDaemonTests
{
    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task Mounts_in_use_stay_and_what_was_answered_is_found_again(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        using var scratch = new ScratchDirectory();
        string socket = scratch["c.sock"], target = scratch.Make("mnt");
        string[] arguments = ["serve", "--root", scratch["store"], "--driver", driver, "--containerd-socket", socket];
        var made = new ConcurrentDictionary<string, bool>(); // false: asked for and not answered
        var gone = new ConcurrentDictionary<string, bool>();
        using var held = new HeldFile(); // let go of before the scratch directory is unmounted
        for (int round = 0; round < 4; round++)
        {
            using var daemon = new DaemonProcess(DaemonProcess.Stratad, arguments);
            daemon.Await(() => daemon.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
            using var channel = SnapshotRig.Connect(socket);
            var client = new Snapshots.SnapshotsClient(channel);
            if (round == 0)
            {
                await client.PrepareAsync(new PrepareSnapshotRequest { Key = "base-active" });
                await client.CommitAsync(new CommitSnapshotRequest { Key = "base-active", Name = "base" });
                foreach (var mount in (await client.PrepareAsync(new PrepareSnapshotRequest { Key = "live", Parent = "base" })).Mounts)
                    ClientMounts.Perform(mount, target);
                held.File = new FileStream(Path.Combine(target, "held"), FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
            }
            var traffic = Enumerable.Range(0, 4).Select(i => Task.Run(async () =>
            {
                for (int n = 0; ; n++)
                {
                    string key = $"{round}-{i}-{n}";
                    made[key] = false;
                    await client.PrepareAsync(new PrepareSnapshotRequest { Key = key, Parent = "base" });
                    made[key] = true;
                    if (n % 3 == 2)
                        continue;
                    gone[key] = false;
                    if (n % 3 == 0)
                        await client.RemoveAsync(new RemoveSnapshotRequest { Key = key });
                    else
                        await client.CommitAsync(new CommitSnapshotRequest { Key = key, Name = key + "-done" });
                    gone[key] = true;
                }
            })).ToArray();
            await Task.Delay(Random.Shared.Next(100, 500));
            daemon.Kill();
            foreach (var one in traffic)
                Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAnyAsync<RpcException>(() => one)).StatusCode is var code && code is StatusCode.Internal or StatusCode.Cancelled ? StatusCode.Unavailable : code);
            held.File!.Write("still here\n"u8); // the container does not notice
            Assert.Equal(11L * (round + 1), new FileInfo(Path.Combine(target, "held")).Length);
        }
        using (var daemon = new DaemonProcess(DaemonProcess.Stratad, arguments))
        {
            daemon.Await(() => daemon.Output.Contains("stratad: ready", StringComparison.Ordinal), "the line that says ready");
            using var channel = SnapshotRig.Connect(socket);
            var client = new Snapshots.SnapshotsClient(channel);
            Assert.NotEmpty((await client.MountsAsync(new MountsRequest { Key = "live" })).Mounts);
        }
        using (var store = Store.Store.Open(new StoreOptions { Root = scratch["store"] }))
        {
            var there = store.Snapshots.List().Select(s => s.Key).ToHashSet();
            foreach (var (key, answered) in made.Where(m => m.Value))
                Assert.True(gone.ContainsKey(key) || there.Contains(key), $"{key} was prepared and is lost");
            foreach (var (key, answered) in gone.Where(g => g.Value))
                Assert.False(there.Contains(key), $"{key} was removed or committed and is there");
            foreach (string key in there.Where(k => k != "live" && k != "base").OrderByDescending(k => k.Length))
                store.Snapshots.Remove(key);
            store.EmptyTrash(wait: true, TestContext.Current.CancellationToken); // what the killed one had not deleted yet
            Assert.Empty(store.FindOrphans());
            Assert.Empty(store.Check(deep: true));
            held.Dispose();
            Commands.Run("umount", target);
            store.Snapshots.Remove("live");
            store.Snapshots.Remove("base");
            Assert.Empty(store.Driver.List());
        }
        Assert.Empty(Mounts.AtOrBelow(scratch.Path));
    }

    private sealed class HeldFile : IDisposable
    {
        internal FileStream? File { get; set; }

        public void Dispose() => File?.Dispose();
    }
}
