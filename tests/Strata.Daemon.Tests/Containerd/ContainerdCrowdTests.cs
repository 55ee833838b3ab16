using System.Diagnostics;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>Many containers of Debian's containerd at once. A class of its own: classes run side by side.</summary>
public sealed class ContainerdCrowdTests
{
    [Theory]
    [InlineData("overlay", 10)]
    [InlineData("erofs", 50)]
    [InlineData("btrfs", 5)]
    [InlineData("vfs", 5)]
    public async Task Many_containers_run_at_once(string driver, int count)
    {
        ContainerdRig.Require();
        using var rig = new ContainerdRig(driver);
        rig.Ctr("images", "import", "--snapshotter", "strata", rig.WriteImage());
        // Each waits until all are there, which it sees by a directory of the host: so all are there at once.
        string meeting = rig.Scratch.Make("meeting");
        var runs = Enumerable.Range(0, count).Select(i => Task.Run(() => rig.Ctr(
            "run", "--rm", "--snapshotter", "strata", "--mount", $"type=bind,src={meeting},dst=/tmp,options=rbind:rw", ContainerdRig.Image, $"box{i}", "/bin/sh", "-c",
            $"echo {i} > /mine; echo > /tmp/{i}; until [ -e /tmp/go ]; do sleep 0.2; done; cat /mine > /tmp/{i}.mine"))).ToArray(); // ctr may lose what is printed at the very end
        for (var end = Stopwatch.StartNew(); Directory.GetFiles(meeting).Length < count && !runs.Any(r => r.IsFaulted); await Task.Delay(100))
            Assert.True(end.Elapsed < TimeSpan.FromMinutes(3), $"only {Directory.GetFiles(meeting).Length} of {count} containers came up");
        File.WriteAllText(Path.Combine(meeting, "go"), "");
        await Task.WhenAll(runs);
        Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}\n"), Enumerable.Range(0, count).Select(i => File.ReadAllText(Path.Combine(meeting, $"{i}.mine"))));
        Assert.Equal(3, rig.Snapshots().Length);
    }
}
