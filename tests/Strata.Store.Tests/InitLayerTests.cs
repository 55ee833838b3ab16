using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class InitLayerTests
{
    public static TheoryData<string> Drivers => ["erofs", "overlay", "vfs"];

    [Theory, MemberData(nameof(Drivers))]
    public void Init_layer_is_seen_but_is_no_change(string driver)
    {
        using var rig = new StoreRig(driver);
        var below = rig.Register(StoreRig.Tar(1))[0];
        string before = rig.State();
        var record = rig.Store.CreateWritable("box", below.ChainId, init: InitLayer.Standard);
        Assert.NotNull(record.InitId);
        Assert.Equal(record, rig.Store.FindWritable("box"));
        Assert.Empty(rig.Store.Changes("box"));

        string root = rig.Store.Mount("box");
        foreach (string path in new[] { ".dockerenv", "etc/hosts", "dev/console" })
            Assert.True(File.Exists(Path.Combine(root, path)), path);
        Assert.Equal("/proc/mounts", new FileInfo(Path.Combine(root, "etc/mtab")).LinkTarget);
        Assert.Equal("layer 1", File.ReadAllText(Path.Combine(root, "etc/top")));
        File.WriteAllText(Path.Combine(root, "new"), "x");
        rig.Store.Unmount("box");

        rig.Reopen();
        Assert.Equal(["A /new"], rig.Store.Changes("box").Select(c => c.ToString()));
        var committed = rig.Store.Commit("box");
        Assert.Equal(below.ChainId, committed.Parent);
        rig.Store.RemoveWritable("box");
        rig.Store.RemoveLayer(committed.ChainId);
        Assert.Equal(before, rig.State());
        Assert.Equal(rig.Store.ListLayers().Select(l => l.DriverId), rig.Store.Driver.List());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Init_layer_of_a_hostile_image_stays_inside(string driver)
    {
        using var rig = new StoreRig(driver);
        string outside = rig.Scratch["outside"];
        Directory.CreateDirectory(outside);
        var below = rig.Register(new TarBuilder().Symlink("etc", outside).Symlink("dev", "../../../../.." + outside).ToArray())[0];
        var e = Assert.ThrowsAny<StrataException>(() => rig.Store.CreateWritable("box", below.ChainId, init: InitLayer.Standard));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside));
        Assert.Null(rig.Store.FindWritable("box"));
        Assert.Equal([below.DriverId], rig.Store.Driver.List());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Init_that_fails_leaves_nothing(string driver)
    {
        using var rig = new StoreRig(driver);
        Assert.Throws<InvalidOperationException>(() => rig.Store.CreateWritable("box", null, init: _ => throw new InvalidOperationException("no")));
        Assert.Empty(rig.Store.Driver.List());
        Assert.Empty(rig.Store.ListWritable());
        rig.Store.CreateWritable("box", null, init: root => File.WriteAllText(Path.Combine(root, "mine"), "x"));
        Assert.Equal("x", File.ReadAllText(Path.Combine(rig.Store.Mount("box"), "mine")));
        rig.Store.Unmount("box");
        Assert.True(rig.Store.GetUsage("box").Inodes >= 0);
        rig.Store.RemoveWritable("box");
        Assert.Empty(rig.Store.Driver.List());
    }
}
