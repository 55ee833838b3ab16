using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class FullDiskTests
{
    [Theory]
    [InlineData("overlay", "size=20m", 60_000)] // blocks run out
    [InlineData("vfs", "size=20m", 60_000)]
    [InlineData("overlay", "nr_inodes=200", 10)] // inodes run out
    public void A_full_disk_leaves_the_store_as_it_was(string driver, string limit, int fileBytes)
    {
        using var scratch = new ScratchDirectory();
        string point = scratch.MountTmpfs("fs", limit);
        using var rig = new StoreRig(driver, Path.Combine(point, "store"));
        rig.Register(StoreRig.Tar(1));
        string before = rig.State();
        var tar = new TarBuilder();
        for (int i = 0; i < 500; i++)
            tar.File($"file{i}", new string((char)('a' + (i % 20)), fileBytes));
        byte[] large = tar.ToArray();
        for (int round = 0; round < 2; round++)
        {
            var e = Assert.ThrowsAny<StrataException>(() => rig.Store.RegisterLayers([StoreRig.Input(StoreRig.Tar(1)), StoreRig.Input(large, TestImage.Compress(large, "gzip")), StoreRig.Input(StoreRig.Tar(3))]));
            Assert.Equal(ErrorKind.Exhausted, e.Kind);
            Assert.Equal(before, rig.State());
        }
        rig.Register(StoreRig.Tar(1), StoreRig.Tar(2)); // there is room again
    }

    [Fact]
    public void Room_is_made_by_removing_on_a_full_disk()
    {
        using var scratch = new ScratchDirectory();
        string point = scratch.MountTmpfs("fs", "size=20m");
        using var rig = new StoreRig("overlay", Path.Combine(point, "store"));
        var layer = rig.Register(new TarBuilder().File("large", new string('x', 3_000_000)).ToArray())[0];
        string ballast = Path.Combine(point, "ballast");
        FillUp(ballast);
        Assert.Equal(ErrorKind.Exhausted, Assert.ThrowsAny<StrataException>(() => rig.Register(StoreRig.Tar(2))).Kind);
        rig.Reopen();
        Assert.Single(rig.Store.ListLayers());
        rig.Store.RemoveLayer(layer.ChainId);
        rig.Register(StoreRig.Tar(2));
    }

    private static void FillUp(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        foreach (int size in new[] { 1 << 20, 1 << 12 })
        {
            byte[] block = new byte[size];
            try
            {
                while (true)
                    file.Write(block);
            }
            catch (IOException)
            {
                continue; // full, which was the point
            }
        }
    }
}
