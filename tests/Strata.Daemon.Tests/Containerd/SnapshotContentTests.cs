using Grpc.Core;
using Strata.Daemon.Containerd.Wire;
using Strata.Testing;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>What snapshots show, after containerd's own suite; mounted by mount(8).</summary>
public sealed class SnapshotContentTests
{
    public static TheoryData<string> Drivers => SnapshotLifeTests.Drivers;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_new_snapshot_is_an_empty_directory_of_root(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        string root = rig.Mount(await rig.PrepareAsync("a"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(root));
        Assert.Equal("755 0:0", Stat(root));
        rig.Unmount(root);
        Assert.InRange((await rig.Client.UsageAsync(new UsageRequest { Key = "a" })).Inodes, 1, 3);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task What_is_changed_at_each_layer_is_seen_above_and_not_below(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("1", "", root =>
        {
            Directory.CreateDirectory(Path.Combine(root, "dir1/dir2"));
            Directory.CreateDirectory(Path.Combine(root, "gone/deep"));
            Directory.CreateDirectory(Path.Combine(root, "opaque"));
            File.WriteAllText(Path.Combine(root, "opaque/old"), "old");
            File.WriteAllText(Path.Combine(root, "dir1/f1"), "f1");
            File.WriteAllText(Path.Combine(root, "dir1/dir2/f2"), "f2");
            File.WriteAllText(Path.Combine(root, "moved"), "moved");
            File.WriteAllText(Path.Combine(root, "deleted"), "deleted");
            Commands.Run("ln", Path.Combine(root, "moved"), Path.Combine(root, "link"));
            Commands.Run("ln", "-s", "f1", Path.Combine(root, "dir1/symlink"));
            Commands.Run("chown", "1:2", Path.Combine(root, "dir1"));
            Commands.Run("chmod", "1770", Path.Combine(root, "dir1"));
        });
        await rig.LayerAsync("2", "1", root =>
        {
            Commands.Run("chown", "5:6", Path.Combine(root, "dir1/f1"));
            Commands.Run("chmod", "0700", Path.Combine(root, "dir1/dir2"));
            Directory.Delete(Path.Combine(root, "gone"), recursive: true);
            File.Delete(Path.Combine(root, "deleted"));
            Directory.Delete(Path.Combine(root, "opaque"), recursive: true);
            Directory.CreateDirectory(Path.Combine(root, "opaque"));
            File.WriteAllText(Path.Combine(root, "opaque/new"), "new");
            File.Move(Path.Combine(root, "moved"), Path.Combine(root, "dir1/moved"));
        });
        await rig.LayerAsync("3", "2", root => File.AppendAllText(Path.Combine(root, "dir1/dir2/f2"), "+3"));
        await rig.LookAsync("3", root =>
        {
            Assert.Equal(["dir1", "link", "opaque"], SnapshotLifeTests.Names(root));
            Assert.Equal(["dir2", "f1", "moved", "symlink"], SnapshotLifeTests.Names(Path.Combine(root, "dir1")));
            Assert.Equal(["new"], SnapshotLifeTests.Names(Path.Combine(root, "opaque")));
            Assert.Equal("f2+3", File.ReadAllText(Path.Combine(root, "dir1/dir2/f2")));
            Assert.Equal("moved", File.ReadAllText(Path.Combine(root, "link")));
            Assert.Equal("1770 1:2", Stat(Path.Combine(root, "dir1")));
            Assert.Equal("700 0:0", Stat(Path.Combine(root, "dir1/dir2")));
            Assert.EndsWith(" 5:6", Stat(Path.Combine(root, "dir1/f1")), StringComparison.Ordinal);
        });
        await rig.LookAsync("1", root =>
        {
            Assert.Equal(["deleted", "dir1", "gone", "link", "moved", "opaque"], SnapshotLifeTests.Names(root));
            Assert.Equal("f2", File.ReadAllText(Path.Combine(root, "dir1/dir2/f2")));
            Assert.EndsWith(" 0:0", Stat(Path.Combine(root, "dir1/f1")), StringComparison.Ordinal);
        });
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_view_can_not_be_written_to(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("1", "", root => File.WriteAllText(Path.Combine(root, "f"), "1"));
        await rig.LayerAsync("2", "1", root => File.WriteAllText(Path.Combine(root, "g"), "2"));
        foreach (string parent in new[] { "1", "2", "" })
        {
            string key = "view of " + parent;
            string root = rig.Mount(await rig.ViewAsync(key, parent));
            Assert.NotEqual(0, Commands.TryRun("touch", Path.Combine(root, "new")).ExitCode);
            Assert.NotEqual(0, Commands.TryRun("rm", "-f", Path.Combine(root, "f")).ExitCode == 0 && parent.Length > 0 ? 0 : 1);
            rig.Unmount(root);
            await rig.RemoveAsync(key);
        }
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task A_snapshot_is_used_while_the_daemon_restarts(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("1", "", root => File.WriteAllText(Path.Combine(root, "f"), "1"));
        await rig.LayerAsync("2", "1", root => File.WriteAllText(Path.Combine(root, "g"), "2"));
        var handed = await rig.PrepareAsync("box", "2");
        await rig.RestartAsync();
        string root = rig.Mount(handed); // what was handed out before holds after
        File.WriteAllText(Path.Combine(root, "h"), "3");
        await rig.RestartAsync();
        Assert.Equal("1", File.ReadAllText(Path.Combine(root, "f")));
        Assert.Equal(handed, await rig.MountsAsync("box"));
        rig.Unmount(root);
        await rig.CommitAsync("3", "box");
        await rig.LookAsync("3", seen => Assert.Equal(["f", "g", "h"], SnapshotLifeTests.Names(seen)));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Usage_is_of_the_snapshot_alone(string driver)
    {
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("1", "", root => File.WriteAllBytes(Path.Combine(root, "big"), new byte[1 << 20]));
        var usage = await rig.Client.UsageAsync(new UsageRequest { Key = "1" });
        Assert.InRange(usage.Size, 1 << 20, (1 << 20) + 65536);
        Assert.InRange(usage.Inodes, 2, 5);
        await rig.ViewAsync("v", "1");
        Assert.Equal(0, (await rig.Client.UsageAsync(new UsageRequest { Key = "v" })).Size);
        await rig.PrepareAsync("child", "1");
        var child = await rig.Client.UsageAsync(new UsageRequest { Key = "child" });
        Assert.True(driver == "vfs" || child.Size < 65536, $"a child that shares took {child.Size} bytes");
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task A_layer_of_128_is_mounted_by_mount_2(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await SnapshotRig.StartAsync(driver);
        string parent = "";
        for (int i = 1; i <= 128; i++)
        {
            // Written where the mount would write, which here is a directory: 128 mounts would only take longer.
            var mounts = await rig.PrepareAsync($"a{i}", parent);
            string upper = mounts[0].Options.FirstOrDefault(o => o.StartsWith("upperdir=", StringComparison.Ordinal))?["upperdir=".Length..] ?? mounts[0].Source;
            File.WriteAllText(Path.Combine(upper, $"file{i}"), $"{i}");
            await rig.CommitAsync($"c{i}", $"a{i}");
            parent = $"c{i}";
        }
        await rig.LookAsync(parent, root => Assert.Equal(128, Directory.GetFiles(root).Length));
        string writable = rig.Mount(await rig.PrepareAsync("top", parent));
        Assert.Equal("1", File.ReadAllText(Path.Combine(writable, "file1")));
        File.WriteAllText(Path.Combine(writable, "file1"), "changed");
        rig.Unmount(writable);
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task A_snapshot_that_was_prepared_on_nothing_is_put_on_a_parent_at_commit(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("1", "", root => File.WriteAllText(Path.Combine(root, "f"), "1"));
        await rig.LayerAsync("other", "", _ => { });
        string root = rig.Mount(await rig.PrepareAsync("a"));
        File.WriteAllText(Path.Combine(root, "g"), "2");
        rig.Unmount(root);
        await SnapshotRig.FailsAsync(StatusCode.NotFound, () => rig.CommitAsync("2", "a", "none"));
        await rig.PrepareAsync("active");
        await SnapshotRig.FailsAsync(StatusCode.FailedPrecondition, () => rig.CommitAsync("2", "a", "active"));
        await rig.CommitAsync("2", "a", "1");
        Assert.Equal("1", (await rig.StatAsync("2")).Parent);
        await rig.LookAsync("2", seen => Assert.Equal(["f", "g"], SnapshotLifeTests.Names(seen)));
        await rig.PrepareAsync("b", "2");
        await SnapshotRig.FailsAsync(StatusCode.InvalidArgument, () => rig.CommitAsync("3", "b", "other"));
        await rig.CommitAsync("3", "b", "2"); // the one that it is on
    }

    [Fact]
    public async Task A_driver_that_copies_can_not_put_on_a_parent_and_says_so()
    {
        await using var rig = await SnapshotRig.StartAsync("vfs");
        await rig.PrepareAsync("a");
        await rig.CommitAsync("1", "a");
        await rig.PrepareAsync("b");
        Assert.Contains("rebase", await SnapshotRig.FailsAsync(StatusCode.Unimplemented, () => rig.CommitAsync("2", "b", "1")), StringComparison.Ordinal);
        Assert.Equal(Kind.Active, (await rig.StatAsync("b")).Kind);
    }

    [Fact]
    public async Task Mounts_are_as_containerds_own_snapshotter_gives_them()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await SnapshotRig.StartAsync("overlay");
        var first = Assert.Single(await rig.PrepareAsync("a"));
        Assert.Equal(("bind", "rbind", "rw"), (first.Type, first.Options[0], first.Options[1]));
        await rig.CommitAsync("1", "a");
        var view = Assert.Single(await rig.ViewAsync("v", "1"));
        Assert.Equal(("bind", first.Source, "ro"), (view.Type, view.Source, view.Options[1]));
        var child = Assert.Single(await rig.PrepareAsync("b", "1"));
        Assert.Equal(("overlay", "overlay"), (child.Type, child.Source));
        Assert.Contains(child.Options, o => o.StartsWith("upperdir=", StringComparison.Ordinal));
        Assert.Contains(child.Options, o => o.StartsWith("workdir=", StringComparison.Ordinal));
        await rig.CommitAsync("2", "b");
        var deep = Assert.Single(await rig.ViewAsync("w", "2"));
        Assert.DoesNotContain(deep.Options, o => o.StartsWith("upperdir=", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public async Task Id_mappings_are_told_to_who_mounts_and_the_root_is_the_mapped_roots(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
        await using var rig = await SnapshotRig.StartAsync(driver);
        await rig.LayerAsync("1", "", _ => { });
        const string Uid = "containerd.io/snapshot/uidmapping", Gid = "containerd.io/snapshot/gidmapping";
        var mount = Assert.Single(await rig.PrepareAsync("a", "1", (Uid, "5:6:7,0:100000:65536"), (Gid, "0:200000:65536")));
        Assert.Contains("uidmap=5:6:7,0:100000:65536", mount.Options);
        Assert.Contains("gidmap=0:200000:65536", mount.Options);
        Assert.Equal("755 100000:200000", Stat(mount.Options.Single(o => o.StartsWith("upperdir=", StringComparison.Ordinal))["upperdir=".Length..]));
        foreach (string wrong in new[] { "0:1", "a:b:c", "", "1:2:3", "0:1:0", "0:1:2:3", "0:99999999999:1" })
            await SnapshotRig.FailsAsync(StatusCode.InvalidArgument, () => rig.PrepareAsync("b", "1", (Uid, wrong), (Gid, "0:0:1")));
        await SnapshotRig.FailsAsync(StatusCode.InvalidArgument, () => rig.PrepareAsync("b", "1", (Uid, "0:100000:65536")));
        Assert.Equal(["1", "a"], await rig.ListAsync());
    }

    private static string Stat(string path) => Commands.Run("stat", "-c", "%a %u:%g", path).Trim();
}
