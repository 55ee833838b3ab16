namespace Strata.Store.Tests;

public sealed class ImageTests
{
    [Fact]
    public void Images_have_names_and_take_their_layers_along()
    {
        using var rig = new StoreRig("overlay");
        string empty = rig.State();
        var one = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        var two = rig.Register(StoreRig.Tar(1), StoreRig.Tar(3));
        var first = rig.Store.AddImage("{1}"u8, "{config}"u8, one[1].ChainId, ["a:1", "a:2"]);
        var second = rig.Store.AddImage("{2}"u8, "{config}"u8, two[1].ChainId, ["a:2"]);
        Assert.Equal(["a:1"], rig.Store.FindImage("a:1")!.Names);
        Assert.Equal(second.Manifest, rig.Store.FindImage("a:2")!.Manifest);
        Assert.Equal("{1}"u8.ToArray(), rig.Store.ReadBlob(first.Manifest));
        Assert.Equal(one.Sum(l => l.ContentBytes), first.SizeBytes);
        Assert.True(rig.Store.RemoveName("a:1"));
        Assert.False(rig.Store.RemoveName("a:1"));
        Assert.Empty(rig.Store.ListImages().Single(i => i.Manifest == first.Manifest).Names);

        Assert.Equal([one[1].ChainId], rig.Store.RemoveImage(first.Manifest).Select(l => l.ChainId)); // the base is shared
        Assert.Equal("{config}"u8.ToArray(), rig.Store.ReadBlob(second.Config)); // and so is the config
        rig.Store.CreateWritable("box", two[1].ChainId);
        Assert.Empty(rig.Store.RemoveImage(second.Manifest));
        rig.Store.RemoveWritable("box");
        rig.Store.RemoveLayer(two[1].ChainId);
        rig.Store.RemoveLayer(two[0].ChainId);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveImage(second.Manifest)).Kind);
        Assert.Equal(empty, rig.State());
    }

    [Fact]
    public void A_damaged_document_is_not_believed()
    {
        using var rig = new StoreRig("vfs");
        var image = rig.Store.AddImage("{1}"u8, "{config}"u8, null, ["a:1"]);
        string file = Path.Combine(rig.Root, "blobs/sha256", image.Manifest.Hex);
        File.WriteAllText(file, "{2}");
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Store.ReadBlob(image.Manifest)).Kind);
        rig.Store.AddImage("{1}"u8, "{config}"u8, null, ["a:1"]); // loading it again heals it
        Assert.Equal("{1}"u8.ToArray(), rig.Store.ReadBlob(image.Manifest));
        File.Delete(file);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.ReadBlob(image.Manifest)).Kind);
    }

    [Fact]
    public void An_image_on_a_layer_that_is_gone_is_told_to_be_tried_again()
    {
        using var rig = new StoreRig("vfs");
        var layer = rig.Register(StoreRig.Tar(1))[0];
        rig.Store.RemoveLayer(layer.ChainId);
        Assert.Equal(ErrorKind.Unavailable, Assert.ThrowsAny<StrataException>(() => rig.Store.AddImage("{1}"u8, "{}"u8, layer.ChainId, ["a:1"])).Kind);
        Assert.Empty(rig.Store.ListImages());
    }

    [Fact]
    public async Task Documents_survive_images_that_come_and_go_at_once()
    {
        using var rig = new StoreRig("vfs");
        rig.Store.AddImage("{keep}"u8, "{shared}"u8, null, ["keep:1"]);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(number => Task.Run(() =>
        {
            using var store = rig.Open();
            for (int i = 0; i < 25; i++)
            {
                var image = store.AddImage("{same}"u8, "{shared}"u8, null, [$"n{number}:1"]);
                try
                {
                    store.RemoveImage(image.Manifest);
                }
                catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
                {
                    continue; // another thread removed it
                }
            }
        })));
        foreach (var image in rig.Store.ListImages())
        {
            rig.Store.ReadBlob(image.Manifest);
            rig.Store.ReadBlob(image.Config);
        }
        var last = rig.Store.AddImage("{same}"u8, "{shared}"u8, null, ["last:1"]);
        Assert.Equal("{same}"u8.ToArray(), rig.Store.ReadBlob(last.Manifest));
    }

    [Fact]
    public void What_is_added_again_as_it_is_writes_nothing()
    {
        using var rig = new StoreRig("vfs");
        var top = rig.Register(StoreRig.Tar(1))[0].ChainId;
        string log = Path.Combine(rig.Root, "strata.db-wal");
        var added = rig.Store.AddImage("{1}"u8, "{c}"u8, top, ["a:1"], "linux/amd64");
        string fact = Assert.Single(Directory.GetFiles(Path.Combine(rig.Root, "images")));
        long written = new FileInfo(log).Length;
        var again = rig.Store.AddImage("{1}"u8, "{c}"u8, top, ["a:1"], "linux/amd64");
        Assert.Equal((added.Manifest, added.Created, "a:1"), (again.Manifest, again.Created, Assert.Single(again.Names)));
        Assert.Equal(written, new FileInfo(log).Length);
        File.Delete(fact);
        rig.Store.AddImage("{1}"u8, "{c}"u8, top, ["a:1"], "linux/amd64");
        Assert.True(File.Exists(fact)); // what is missing is mended
        written = new FileInfo(log).Length;
        Assert.Equal(["a:1", "b:1"], rig.Store.AddImage("{1}"u8, "{c}"u8, top, ["b:1"], "linux/amd64").Names);
        Assert.True(new FileInfo(log).Length > written);
    }
}
