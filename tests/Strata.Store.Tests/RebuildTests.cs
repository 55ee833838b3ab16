namespace Strata.Store.Tests;

public sealed class RebuildTests
{
    public static TheoryData<string, string> Cases => new()
    {
        { "erofs", "missing" }, { "overlay", "missing" }, { "vfs", "missing" }, { "overlay", "garbage" }, { "erofs", "whole" },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Metadata_is_made_again_from_what_lies_on_disk(string driver, string database)
    {
        using var rig = CheckTests.Filled(driver);
        rig.Store.AddImage("{2}"u8, "{c2}"u8, CheckTests.BaseFirst(rig)[0].ChainId, ["b:1"]);
        rig.Register(StoreRig.Tar(1), StoreRig.Tar(5));
        rig.Store.RemoveName("a:2");
        string root = rig.Store.Mount("box");
        File.WriteAllText(Path.Combine(root, "written"), "kept");
        rig.Store.Unmount("box");
        string before = rig.State();
        rig.Store.Dispose();
        string file = Path.Combine(rig.Root, "strata.db");
        if (database == "missing")
            File.Delete(file);
        if (database == "garbage")
            File.WriteAllText(file, new string('x', 10_000));
        var report = Store.Rebuild(new StoreOptions { Root = rig.Root });
        Assert.Empty(report.Unplaced.Select(u => u.ToString()));
        Assert.Equal((4, 2, 1), (report.Layers, report.Images, report.Writable));
        Assert.Equal(database != "missing", report.KeptAside is not null);
        Assert.True(report.KeptAside is null || File.Exists(report.KeptAside));
        rig.Reopen();
        Assert.Equal(before, rig.State());
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
        Assert.Equal(["a:1"], rig.Store.FindImage("a:1")!.Names);
        var box = rig.Store.GetWritable("box");
        Assert.Equal((rig.Store.FindImage("a:1")!.Manifest, rig.Store.FindImage("a:1")!.TopLayer), (box.Image, box.Parent));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(rig.Store.Mount("box"), "written")));
        rig.Store.Unmount("box");
        Assert.Empty(rig.Store.Collect().Layers); // no layer goes for want of what was lost
    }

    [Theory, InlineData("erofs"), InlineData("overlay")]
    public void Layers_that_have_no_file_are_known_by_their_content(string driver)
    {
        using var rig = CheckTests.Filled(driver);
        var layers = rig.Store.ListLayers();
        rig.Store.Dispose();
        foreach (string file in Directory.GetFiles(Path.Combine(rig.Root, "layers")))
            File.Delete(file);
        File.Delete(Path.Combine(rig.Root, "strata.db"));
        var report = Store.Rebuild(new StoreOptions { Root = rig.Root, Driver = driver });
        Assert.Empty(report.Unplaced.Select(u => u.ToString()));
        rig.Reopen();
        Assert.Equal(layers.Select(l => (l.ChainId, l.DriverId, l.Parent, l.TarBytes)).ToHashSet(), rig.Store.ListLayers().Select(l => (l.ChainId, l.DriverId, l.Parent, l.TarBytes)).ToHashSet());
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
    }

    [Fact]
    public void What_cannot_be_placed_is_told()
    {
        using var rig = CheckTests.Filled("overlay");
        var layers = CheckTests.BaseFirst(rig);
        rig.Store.AddImage("{2}"u8, "{c2}"u8, layers[0].ChainId, ["b:1"]);
        var unknown = LayerId.New();
        rig.Store.Driver.CreateReadWrite(unknown, null);
        rig.Store.Driver.Remove(layers[1].DriverId);
        rig.Store.Dispose();
        File.Delete(Path.Combine(rig.Root, "strata.db"));
        var report = Store.Rebuild(new StoreOptions { Root = rig.Root });
        Assert.Equal((1, 1, 1), (report.Layers, report.Images, report.Writable));
        Assert.Equal(3, report.Unplaced.Count); // the third layer, the image and the writable layer on it
        rig.Reopen();
        Assert.Equal(unknown, rig.Store.GetWritable("found-" + unknown.ToString()[..12]).DriverId); // nobody knows what it was: it may be wanted
        Assert.NotNull(rig.Store.FindImage("b:1"));
    }

    [Fact]
    public void A_store_in_use_and_none_at_all_are_refused()
    {
        using var rig = CheckTests.Filled("vfs"); // it holds what it registered
        Assert.Equal(ErrorKind.Unavailable, Assert.ThrowsAny<StrataException>(() => Store.Rebuild(new StoreOptions { Root = rig.Root })).Kind);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => Store.Rebuild(new StoreOptions { Root = rig.Scratch["none"] })).Kind);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => Store.Rebuild(new StoreOptions { Root = rig.Scratch.Make("empty") })).Kind);
        Assert.Equal(3, rig.Store.ListLayers().Count);
    }
}
