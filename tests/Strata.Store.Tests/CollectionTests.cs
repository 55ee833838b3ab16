namespace Strata.Store.Tests;

public sealed class CollectionTests
{
    public static TheoryData<string> Drivers => ["erofs", "overlay", "vfs"];

    [Theory, MemberData(nameof(Drivers))]
    public void What_nothing_reaches_goes_and_all_else_stays(string driver)
    {
        using var rig = new StoreRig(driver);
        string empty = rig.State();
        var image = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        rig.Store.AddImage("{1}"u8, "{c}"u8, image[1].ChainId, ["a:1"]);
        rig.Store.CreateWritable("box", rig.Register(StoreRig.Tar(1), StoreRig.Tar(3))[1].ChainId);
        rig.Store.CreateLease("kept");
        rig.Store.AddToLease("kept", rig.Register(StoreRig.Tar(1), StoreRig.Tar(4))[1].ChainId);
        rig.Reopen();
        string whole = rig.State();
        rig.Register(StoreRig.Tar(1), StoreRig.Tar(2), StoreRig.Tar(5));
        var garbage = rig.Register(StoreRig.Tar(6), StoreRig.Tar(7));
        rig.Reopen(); // gives up what the object held

        string before = rig.State();
        var told = rig.Store.Collect(new CollectOptions { DryRun = true });
        Assert.Equal(3, told.Layers.Count);
        Assert.True(told.Total.SizeBytes > 0);
        Assert.Equal(before, rig.State());
        var done = rig.Store.Collect();
        Assert.Equal(told.Layers.Select(l => l.Layer.ChainId).ToHashSet(), done.Layers.Select(l => l.Layer.ChainId).ToHashSet());
        Assert.True(done.Layers.ToList().FindIndex(l => l.Layer.ChainId == garbage[1].ChainId) < done.Layers.ToList().FindIndex(l => l.Layer.ChainId == garbage[0].ChainId));
        Assert.Empty(done.Failures);
        Assert.Equal(whole, rig.State());
        Assert.Empty(rig.Store.Collect().Layers);

        rig.Store.RemoveImage(rig.Store.FindImage("a:1")!.Manifest);
        rig.Store.RemoveWritable("box");
        rig.Store.RemoveLease("kept");
        Assert.Equal(3, rig.Store.Collect().Layers.Count); // the image took its own layer along
        Assert.Equal(empty, rig.State());
    }

    [Fact]
    public void What_a_store_object_registered_or_found_is_not_taken_by_another()
    {
        using var rig = new StoreRig("vfs");
        rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        rig.Reopen();
        using (var user = rig.Open())
        {
            user.RegisterLayers([StoreRig.Input(StoreRig.Tar(1)), StoreRig.Input(StoreRig.Tar(2))]); // found
            user.RegisterLayers([StoreRig.Input(StoreRig.Tar(3))]);
            Assert.Empty(rig.Store.Collect().Layers);
            Assert.Empty(rig.Store.Collect(new CollectOptions { DryRun = true }).Layers);
        }
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Root, "holds")));
        File.WriteAllText(Path.Combine(rig.Root, "holds", "dead"), "1 sha256:0\n"); // of a process that was killed
        File.WriteAllText(Path.Combine(rig.Root, "holds", "dead.lock"), "");
        Assert.Equal(3, rig.Store.Collect().Layers.Count);
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Root, "holds")));
    }

    [Fact]
    public void Leases_end_by_themselves_or_when_they_are_told_to()
    {
        using var rig = new StoreRig("vfs");
        string lease = rig.Store.CreateLease();
        rig.Store.CreateLease("short", TimeSpan.FromMilliseconds(1));
        rig.Store.CreateLease("long", TimeSpan.FromHours(1));
        Assert.Equal(ErrorKind.AlreadyExists, Assert.ThrowsAny<StrataException>(() => rig.Store.CreateLease("long")).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Store.CreateLease("../x")).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Store.CreateLease("x", TimeSpan.Zero)).Kind);
        var layers = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        rig.Store.AddToLease("long", layers[0].ChainId);
        Thread.Sleep(20);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.AddToLease("short", layers[0].ChainId)).Kind);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.AddToLease("long", ChainId.Of(null, StoreRig.DiffIdOf([9])))).Kind);
        Assert.Equal(new[] { lease, "long" }.Order(StringComparer.Ordinal), rig.Store.ListLeases().Select(l => l.Name));
        rig.Reopen();
        var report = rig.Store.Collect();
        Assert.Equal(["short"], report.EndedLeases);
        Assert.Equal(layers[1].ChainId, Assert.Single(report.Layers).Layer.ChainId);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveLayer(layers[0].ChainId)).Kind);
        rig.Store.RemoveLease("long");
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveLease("long")).Kind);
        rig.Store.RemoveLayer(layers[0].ChainId);
    }

    [Fact]
    public void What_is_made_under_a_lease_is_kept()
    {
        using var rig = new StoreRig("vfs");
        using (var store = Store.Open(new StoreOptions { Root = rig.Root, Lease = Store.AppliedLease }))
            store.RegisterLayers([StoreRig.Input(StoreRig.Tar(1))]);
        rig.Store.CreateLease("mine");
        using (var store = Store.Open(new StoreOptions { Root = rig.Root, Lease = "mine" }))
            store.AddImage("{1}"u8, "{c}"u8, store.RegisterLayers([StoreRig.Input(StoreRig.Tar(2))])[0].ChainId, []);
        using (var store = Store.Open(new StoreOptions { Root = rig.Root, Lease = "other" }))
            Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => store.RegisterLayers([StoreRig.Input(StoreRig.Tar(3))])).Kind);
        var report = rig.Store.Collect(new CollectOptions { UnnamedImages = true });
        Assert.Empty(report.Images);
        Assert.Equal(2, rig.Store.ListLayers().Count);
        rig.Store.RemoveLease("mine");
        Assert.Empty(rig.Store.Collect().Images);
        Assert.Single(rig.Store.Collect(new CollectOptions { UnnamedImages = true, DryRun = true }).Layers);
        report = rig.Store.Collect(new CollectOptions { UnnamedImages = true });
        Assert.Single(report.Images);
        Assert.Single(report.Layers);
        Assert.Equal(2, report.Documents.Count);
        rig.Store.RemoveLayer(Assert.Single(rig.Store.ListLayers()).ChainId); // what was applied goes when it is told to
    }

    [Theory, MemberData(nameof(Drivers))]
    public void What_interrupted_removals_left_is_collected(string driver)
    {
        using var rig = new StoreRig(driver);
        rig.Register(StoreRig.Tar(1));
        string trash = Path.Combine(rig.Root, driver, ".trash", "left");
        Directory.CreateDirectory(Path.Combine(trash, "below"));
        File.WriteAllText(Path.Combine(trash, "below", "file"), new string('x', 10_000));
        File.WriteAllText(Path.Combine(rig.Root, "blobs", "sha256", StoreRig.DigestOf([1]).Hex), "{}");
        var report = rig.Store.Collect(new CollectOptions { DryRun = true });
        Assert.Equal(trash, Assert.Single(report.Leftovers).Path);
        Assert.True(report.Leftovers[0].Usage.SizeBytes >= 10_000);
        Assert.Single(report.Documents);
        Assert.True(Directory.Exists(trash));
        rig.Store.Collect();
        Assert.False(Directory.Exists(trash));
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Root, "blobs", "sha256")));
    }

    [Fact]
    public void A_layer_that_cannot_be_removed_is_told_and_the_others_go()
    {
        using var rig = new StoreRig("overlay");
        var layers = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        rig.Reopen();
        rig.Store.Driver.Get(layers[1].DriverId);
        var report = rig.Store.Collect();
        Assert.Equal(layers[0].ChainId, Assert.Single(report.Layers).Layer.ChainId);
        Assert.Contains("mounted", Assert.Single(report.Failures).Problem, StringComparison.Ordinal);
        rig.Store.Driver.Put(layers[1].DriverId);
        rig.Reopen();
        Assert.Empty(rig.Store.Driver.List());
    }
}
