using Strata.Formats.Tar;
using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class WritableTests
{
    public static TheoryData<string> Drivers => ["erofs", "overlay", "vfs"];

    [Theory, MemberData(nameof(Drivers))]
    public void A_writable_layer_lives_and_goes(string driver)
    {
        using var rig = new StoreRig(driver);
        byte[] tar = StoreRig.Tar(1);
        var below = rig.Register(tar)[0];
        string before = rig.State();
        rig.Store.CreateWritable("box", below.ChainId);

        string root = rig.Store.Mount("box");
        Assert.Equal("layer 1", File.ReadAllText(Path.Combine(root, "etc/top")));
        File.WriteAllText(Path.Combine(root, "etc/new"), "new");
        File.WriteAllText(Path.Combine(root, "dir1/file0"), "changed");
        File.Delete(Path.Combine(root, "dir1/file1"));
        rig.Reopen(); // mounts outlive the store's object
        Assert.Equal(["C /dir1", "C /dir1/file0", "D /dir1/file1", "C /etc", "A /etc/new"], rig.Store.Changes("box").Select(c => c.ToString()));
        var committed = rig.Store.Commit("box"); // while it is mounted
        Assert.Equal(below.ChainId, committed.Parent);
        rig.Store.Unmount("box");

        using var diff = new MemoryStream();
        rig.Store.Diff("box", diff);
        Assert.Equal(diff.ToArray(), rig.Give(committed));
        Assert.Equal(committed, rig.Store.Commit("box")); // the same changes are the same layer
        Assert.Equal(tar, rig.Give(below));

        rig.Store.RemoveWritable("box");
        rig.Store.RemoveLayer(committed.ChainId);
        Assert.Equal(before, rig.State());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_diff_applied_elsewhere_gives_the_same_tree(string driver)
    {
        using var rig = new StoreRig(driver);
        var below = rig.Register(StoreRig.Tar(1))[0];
        rig.Store.CreateWritable("one", below.ChainId);
        string root = rig.Store.Mount("one");
        File.WriteAllText(Path.Combine(root, "etc/new"), "new");
        Directory.Delete(Path.Combine(root, "dir1"), recursive: true);
        rig.Store.Unmount("one");
        var committed = rig.Store.Commit("one");
        rig.Store.CreateWritable("two", committed.ChainId);
        Assert.Empty(rig.Store.Changes("two"));
        Assert.Equal(Export(rig, "one"), Export(rig, "two"));
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Names_are_checked_and_unique(string driver)
    {
        using var rig = new StoreRig(driver);
        rig.Store.CreateWritable("box", null);
        string before = rig.State();
        Assert.Equal(ErrorKind.AlreadyExists, Assert.ThrowsAny<StrataException>(() => rig.Store.CreateWritable("box", null)).Kind);
        foreach (string bad in new[] { "", "../x", "a/b", ".", "..", "-x", "a b", "a\0b", new string('a', 300) })
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Store.CreateWritable(bad, null)).Kind);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.CreateWritable("x", ChainId.Of(null, StoreRig.DiffIdOf([1])))).Kind);
        foreach (var call in (Action[])[() => rig.Store.Mount("no"), () => rig.Store.Unmount("no"), () => rig.Store.Changes("no"), () => rig.Store.Diff("no", Stream.Null), () => rig.Store.Commit("no"), () => rig.Store.RemoveWritable("no"), () => rig.Store.Export("no", Stream.Null)])
            Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(call).Kind);
        Assert.Equal(before, rig.State());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Storage_options_that_are_unknown_are_refused(string driver)
    {
        using var rig = new StoreRig(driver);
        string before = rig.State();
        Assert.ThrowsAny<StrataException>(() => rig.Store.CreateWritable("box", null, null, new Dictionary<string, string> { ["colour"] = "red" }));
        Assert.Equal(before, rig.State());
    }

    [Fact]
    public async Task One_of_several_that_make_a_name_wins()
    {
        using var rig = new StoreRig("overlay");
        var below = rig.Register(StoreRig.Tar(1))[0];
        int lost = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            using var store = rig.Open();
            try
            {
                store.CreateWritable("box", below.ChainId);
            }
            catch (StrataException e) when (e.Kind == ErrorKind.AlreadyExists)
            {
                Interlocked.Increment(ref lost);
            }
        })));
        Assert.Equal(7, lost);
        Assert.Equal(2, rig.Store.Driver.List().Count);
    }

    [Fact]
    public void A_mounted_layer_is_not_removed()
    {
        using var rig = new StoreRig("overlay");
        rig.Store.CreateWritable("box", rig.Register(StoreRig.Tar(1))[0].ChainId);
        string before = rig.State();
        string point = rig.Store.Mount("box");
        Assert.Equal(point, rig.Store.FindMountPoint(rig.Store.GetWritable("box")));
        var e = Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveWritable("box"));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
        Assert.Contains(point, e.Message, StringComparison.Ordinal);
        Assert.Equal(point, rig.Store.Mount("box"));
        rig.Store.Unmount("box");
        Assert.True(Directory.Exists(Path.Combine(point, "etc")));
        rig.Store.Unmount("box");
        Assert.Equal(before, rig.State());
        Assert.Null(rig.Store.FindMountPoint(rig.Store.GetWritable("box")));
        rig.Store.RemoveWritable("box");
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_target_shows_the_layer_until_it_is_unmounted(string driver)
    {
        using var rig = new StoreRig(driver);
        rig.Store.CreateWritable("box", rig.Register(StoreRig.Tar(1))[0].ChainId);
        string target = rig.Scratch.Make("target"), other = rig.Scratch.Make("other");
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.Mount("box", rig.Scratch["none"])).Kind);
        Assert.Equal(target, rig.Store.Mount("box", target));
        Assert.Equal("layer 1", File.ReadAllText(Path.Combine(target, "etc/top")));
        Assert.Equal(target, rig.Store.FindMountPoint(rig.Store.GetWritable("box")));
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.Mount("box", other)).Kind);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveWritable("box")).Kind);
        rig.Store.CreateWritable("second", null);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.Mount("second", target)).Kind);
        File.WriteAllText(Path.Combine(target, "seen"), "x");
        rig.Reopen();
        rig.Store.Unmount("box");
        Assert.Empty(Mounts.AtOrBelow(rig.Scratch.Path));
        Assert.Contains("A /seen", rig.Store.Changes("box").Select(c => c.ToString()));
        Assert.Null(rig.Store.GetWritable("box").MountTarget);
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_target_that_somebody_else_unmounted_can_be_taken_back_and_mounted_again(string driver)
    {
        using var rig = new StoreRig(driver);
        rig.Store.CreateWritable("box", rig.Register(StoreRig.Tar(1))[0].ChainId);
        string target = rig.Scratch.Make("target");
        rig.Store.Mount("box", target);
        Commands.Run("umount", target);
        rig.Store.Unmount("box");
        Assert.Empty(Mounts.AtOrBelow(rig.Scratch.Path));
        rig.Store.Mount("box", target);
        rig.Store.Unmount("box");
        Assert.Empty(Mounts.AtOrBelow(rig.Scratch.Path));
        rig.Store.Unmount("box"); // once too often does nothing
        rig.Store.RemoveWritable("box");
    }

    [Fact]
    public void A_busy_mount_stays_and_is_told()
    {
        using var rig = new StoreRig("overlay");
        rig.Store.CreateWritable("box", rig.Register(StoreRig.Tar(1))[0].ChainId);
        string point = rig.Store.Mount("box");
        using (File.OpenRead(Path.Combine(point, "etc/top")))
            Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.Unmount("box")).Kind);
        rig.Store.Unmount("box");
        string target = rig.Scratch.Make("target");
        rig.Store.Mount("box", target);
        using (File.OpenRead(Path.Combine(target, "etc/top")))
            Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.Unmount("box")).Kind);
        Assert.Equal(target, rig.Store.FindMountPoint(rig.Store.GetWritable("box")));
        rig.Store.Unmount("box");
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_layer_without_parent_begins_empty(string driver)
    {
        using var rig = new StoreRig(driver);
        rig.Store.CreateWritable("box", null);
        string root = rig.Store.Mount("box");
        Assert.Empty(Directory.EnumerateFileSystemEntries(root));
        File.WriteAllText(Path.Combine(root, "a"), "a");
        rig.Store.Unmount("box");
        Assert.Contains("A /a", rig.Store.Changes("box").Select(c => c.ToString()));
        Assert.Null(rig.Store.Commit("box").Parent);
    }

    private static string[] Export(StoreRig rig, string name)
    {
        using var tar = new MemoryStream();
        rig.Store.Export(name, tar);
        tar.Position = 0;
        using var reader = new TarReader(tar);
        var lines = new List<string>();
        while (reader.ReadNext() is { } entry)
            lines.Add($"{entry} {entry.Mode} {entry.Uid} {entry.SizeBytes} {(entry.Type == TarEntryType.Directory ? "" : entry.Mtime)}");
        Assert.NotEmpty(lines);
        return [.. lines];
    }
}
