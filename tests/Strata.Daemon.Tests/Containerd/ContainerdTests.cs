using System.Diagnostics;
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
        File.WriteAllBytes(rig.Scratch["diff.tar"], rig.CtrBytes("snapshots", "--snapshotter", "strata", "diff", "box"));
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

    private static void Await(ContainerdRig rig, Func<bool> condition, string what)
    {
        for (var end = Stopwatch.StartNew(); !condition(); Thread.Sleep(50))
            Assert.True(end.Elapsed < TimeSpan.FromSeconds(60), $"{what} did not come\n{rig.Ctr("snapshots", "--snapshotter", "strata", "ls")}");
    }
}
