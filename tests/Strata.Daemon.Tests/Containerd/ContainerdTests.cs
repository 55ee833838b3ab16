using System.Diagnostics;
using System.Text.Json;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>containerd from Debian's package, with ctr and runc, against stratad as a process.</summary>
public sealed class ContainerdTests
{
    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    [InlineData("btrfs")]
    [InlineData("vfs")]
    public void Images_are_imported_run_changed_committed_and_removed(string driver)
    {
        ContainerdRig.Require();
        using var rig = new ContainerdRig(driver);
        rig.Ctr("images", "import", "--snapshotter", "strata", rig.WriteImage());
        Assert.Equal(3, rig.Snapshots().Length);

        // What the layers say is what a container sees.
        Assert.Equal("one two new 1000:1001\n", rig.Run("first", "echo $(cat /etc/one /etc/two) $(ls /opaque) $(stat -c %u:%g /etc/owned); ! ls /etc/gone 2>/dev/null"));

        // A container goes on while both daemons restart, also when ours is killed.
        rig.Ctr("run", "-d", "--snapshotter", "strata", ContainerdRig.Image, "box", "/bin/sleep", "10000");
        rig.Exec("box", "echo written > /etc/written; rm /etc/one");
        rig.StopStratad();
        Assert.Equal("written\n", rig.Exec("box", "cat /etc/written"));
        rig.StartStratad();
        rig.StopContainerd();
        rig.StartContainerd();
        Assert.Equal("written\n", rig.Exec("box", "cat /etc/written"));
        rig.KillStratad();
        Assert.Equal("written two\n", rig.Exec("box", "echo more > /more; echo $(cat /etc/written /etc/two)"));
        rig.StartStratad();
        Assert.Equal(4, rig.Snapshots().Length);
        Assert.Equal("one\n", rig.Run("second", "cat /etc/one; ! ls /etc/written 2>/dev/null"));

        // What it changed, by containerd's own differ over our mounts.
        File.WriteAllBytes(rig.Scratch["diff.tar"], Changes(rig, "box"));
        var names = Commands.Run("tar", "-tf", rig.Scratch["diff.tar"]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(n => !n.EndsWith('/')).Order(StringComparer.Ordinal);
        Assert.Equal(["etc/.wh.one", "etc/written", "more"], names);

        // Committed while it runs; another one is made on it.
        rig.Ctr("task", "kill", "-s", "KILL", "box");
        Await(rig, () => rig.Ctr("task", "ls").Contains("STOPPED", StringComparison.Ordinal), "the end of the task");
        rig.Ctr("task", "rm", "box");
        rig.Ctr("snapshots", "--snapshotter", "strata", "commit", "kept", "box");
        rig.Ctr("container", "rm", "--keep-snapshot", "box");
        rig.Ctr("snapshots", "--snapshotter", "strata", "prepare", "on-kept", "kept");
        string mounted = rig.Scratch.Make("seen");
        string mount = rig.Ctr("snapshots", "--snapshotter", "strata", "mounts", mounted, "on-kept");
        Commands.Run("sh", "-c", mount);
        Assert.Equal("written\n", File.ReadAllText(Path.Combine(mounted, "etc/written")));
        Assert.False(File.Exists(Path.Combine(mounted, "etc/one")));
        Commands.Run("umount", mounted);

        // Removing leaves nothing: containerd collects what nothing names any more, and removes it from us.
        foreach (string key in (string[])["on-kept", "kept"])
            rig.Ctr("snapshots", "--snapshotter", "strata", "rm", key);
        rig.Ctr("images", "rm", "--sync", ContainerdRig.Image);
        Await(rig, () => rig.Snapshots().Length == 0, "the removal of all snapshots");
        rig.StopContainerd();
        rig.StopStratad();
        using var store = Store.Store.Open(new Store.StoreOptions { Root = rig.Scratch["store"] });
        Assert.Empty(store.Snapshots.List());
        Assert.Empty(store.Driver.List());
    }

    [Theory]
    [InlineData("overlay", 10)]
    [InlineData("erofs", 50)]
    [InlineData("btrfs", 10)]
    [InlineData("vfs", 10)]
    public async Task Many_containers_run_at_once(string driver, int count)
    {
        ContainerdRig.Require();
        using var rig = new ContainerdRig(driver);
        rig.Ctr("images", "import", "--snapshotter", "strata", rig.WriteImage());
        // Each waits until all are there, which it sees by a directory of the host: so all are there at once.
        string meeting = rig.Scratch.Make("meeting");
        var runs = Enumerable.Range(0, count).Select(i => Task.Run(() => rig.Ctr(
            "run", "--rm", "--snapshotter", "strata", "--mount", $"type=bind,src={meeting},dst=/tmp,options=rbind:rw", ContainerdRig.Image, $"box{i}", "/bin/sh", "-c",
            $"echo {i} > /mine; echo > /tmp/{i}; until [ -e /tmp/go ]; do sleep 0.2; done; cat /mine"))).ToArray();
        for (var end = Stopwatch.StartNew(); Directory.GetFiles(meeting).Length < count && !runs.Any(r => r.IsFaulted); await Task.Delay(100))
            Assert.True(end.Elapsed < TimeSpan.FromMinutes(3), $"only {Directory.GetFiles(meeting).Length} of {count} containers came up");
        File.WriteAllText(Path.Combine(meeting, "go"), "");
        string[] outputs = await Task.WhenAll(runs);
        Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}\n"), outputs);
        Assert.Equal(3, rig.Snapshots().Length);
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task The_differ_reads_and_writes_containerds_content_store(string driver)
    {
        ContainerdRig.Require();
        using var rig = new ContainerdRig(driver);
        rig.Ctr("images", "import", "--no-unpack", rig.WriteImage(bigBytes: 5 << 20));
        using var manifest = JsonDocument.Parse(rig.Ctr("content", "get", rig.Ctr("images", "ls").Split('\n').Single(l => l.StartsWith(ContainerdRig.Image, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
        using var channel = SnapshotRig.Connect(rig.Socket);
        var snapshots = new Snapshots.SnapshotsClient(channel);
        var differ = new Diff.DiffClient(channel);
        var headers = new Metadata { { "containerd-namespace", "default" } };
        string parent = "";
        foreach (var layer in manifest.RootElement.GetProperty("layers").EnumerateArray())
        {
            string digest = layer.GetProperty("digest").GetString()!;
            var apply = new ApplyRequest { Diff = new BlobDescriptor { MediaType = layer.GetProperty("mediaType").GetString(), Digest = digest, Size = layer.GetProperty("size").GetInt64() } };
            apply.Mounts.AddRange((await snapshots.PrepareAsync(new PrepareSnapshotRequest { Key = "extract " + digest, Parent = parent })).Mounts);
            await differ.ApplyAsync(apply, headers);
            await snapshots.CommitAsync(new CommitSnapshotRequest { Key = "extract " + digest, Name = digest });
            parent = digest;
        }
        string seen = rig.Scratch.Make("seen");
        foreach (var mount in (await snapshots.PrepareAsync(new PrepareSnapshotRequest { Key = "box", Parent = parent })).Mounts)
            ClientMounts.Perform(mount, seen);
        Assert.Equal(5 << 20, new FileInfo(Path.Combine(seen, "big")).Length);
        Assert.False(File.Exists(Path.Combine(seen, "etc/gone")));
        File.WriteAllText(Path.Combine(seen, "written"), "by the box");
        Commands.Run("umount", seen);

        var difference = new DiffRequest { MediaType = "application/vnd.oci.image.layer.v1.tar+gzip" };
        difference.Left.AddRange((await snapshots.ViewAsync(new ViewSnapshotRequest { Key = "below", Parent = parent })).Mounts);
        difference.Right.AddRange((await snapshots.MountsAsync(new MountsRequest { Key = "box" })).Mounts);
        var written = (await differ.DiffAsync(difference, headers)).Diff;
        Assert.Contains(written.Digest, rig.Ctr("content", "ls"), StringComparison.Ordinal);
        File.WriteAllBytes(rig.Scratch["diff.tgz"], Output(rig, "content", "get", written.Digest));
        Assert.Equal("written", Commands.Run("tar", "-tzf", rig.Scratch["diff.tgz"]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Last());
        Assert.Equal(written.Digest, (await differ.DiffAsync(difference, headers)).Diff.Digest); // the same is there already
        foreach (string key in (string[])["box", "below"])
            await snapshots.RemoveAsync(new RemoveSnapshotRequest { Key = key });
        Assert.Empty(Mounts.AtOrBelow(rig.Scratch["store/erofs"])); // nothing is held any more
    }

    private static byte[] Changes(ContainerdRig rig, string key) => Output(rig, "snapshots", "--snapshotter", "strata", "diff", key);

    private static byte[] Output(ContainerdRig rig, params string[] arguments)
    {
        var info = new ProcessStartInfo("ctr", ["-a", rig.Address, .. arguments]) { RedirectStandardOutput = true };
        using var process = Process.Start(info)!;
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }

    private static void Await(ContainerdRig rig, Func<bool> condition, string what)
    {
        for (var end = Stopwatch.StartNew(); !condition(); Thread.Sleep(50))
            Assert.True(end.Elapsed < TimeSpan.FromSeconds(60), $"{what} did not come\n{rig.Ctr("snapshots", "--snapshotter", "strata", "ls")}");
    }
}
