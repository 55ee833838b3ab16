using Microsoft.Data.Sqlite;
using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class UsageTests
{
    [Theory, InlineData("erofs"), InlineData("overlay")]
    public void What_is_shared_and_what_is_not_adds_up(string driver)
    {
        using var rig = new StoreRig(driver);
        byte[] big = new TarBuilder().File("big", new string('x', 1_000_000)).ToArray();
        var one = rig.Register(big, StoreRig.Tar(2));
        var two = rig.Register(big, StoreRig.Tar(3));
        rig.Store.AddImage("{1}"u8, "{c}"u8, one[1].ChainId, ["a:1"]);
        rig.Store.AddImage("{2}"u8, "{d}"u8, two[1].ChainId, ["b:1"]);
        rig.Store.CreateWritable("box", one[1].ChainId);
        string root = rig.Store.Mount("box");
        File.WriteAllText(Path.Combine(root, "a"), new string('y', 200_000));
        Commands.Run("ln", Path.Combine(root, "a"), Path.Combine(root, "b")); // one file
        rig.Store.Unmount("box");
        var items = rig.Store.MeasureItems();
        Assert.Equal([ItemKind.Image, ItemKind.Image, ItemKind.Writable, ItemKind.Layer, ItemKind.Layer, ItemKind.Layer], items.Select(i => i.Kind));
        var layers = items.Where(i => i.Kind == ItemKind.Layer).ToDictionary(i => i.Digest!.Value);
        var b = items.Single(i => i.Name == "b:1");
        Assert.True(b.Shared.SizeBytes >= 1_000_000 && b.Exclusive.SizeBytes < 200_000, b.ToString());
        Assert.Equal(layers[one[0].ChainId.Digest].Own, b.Shared);
        Assert.Equal(layers[two[1].ChainId.Digest].Own.SizeBytes + b.Own.SizeBytes, b.Freed.SizeBytes);
        var box = items.Single(i => i.Name == "box");
        Assert.InRange(box.Own.SizeBytes, 200_000, 300_000);
        Assert.Equal(layers[one[0].ChainId.Digest].Own.SizeBytes + layers[one[1].ChainId.Digest].Own.SizeBytes, box.Shared.SizeBytes);
        Assert.Equal(default, layers[one[0].ChainId.Digest].Freed);
        Assert.Equal(b with { }, Assert.Single(rig.Store.MeasureItems([b.Digest!.Value.ToString()])));

        // The order in which layers came is not that of what lies on what: a clock was set back.
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(rig.Root, "strata.db")};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            (command.CommandText, _) = ("UPDATE layers SET created=created+1000000 WHERE chain=$1", command.Parameters.AddWithValue("$1", one[0].ChainId.ToString()));
            Assert.Equal(1, command.ExecuteNonQuery());
        }
        var again = rig.Store.MeasureItems();
        Assert.Equal(one[0].ChainId.Digest, again[^1].Digest);
        Assert.Equal(items.OrderBy(i => i.Name, StringComparer.Ordinal), again.OrderBy(i => i.Name, StringComparer.Ordinal));
        Assert.Empty(rig.Store.Check());
    }

    [Theory, InlineData("erofs"), InlineData("overlay"), InlineData("vfs")]
    public void A_layer_that_docker_has_too_is_shared(string driver)
    {
        using var rig = new StoreRig(driver);
        var layer = rig.Register(StoreRig.Tar(1))[0];
        var image = rig.Store.AddImage("{1}"u8, "{c}"u8, layer.ChainId, ["a:1"]);
        ItemUsage Measure() => rig.Store.MeasureItems().Single(item => item.Digest == image.Manifest);
        Assert.Equal(0, Measure().Shared.Inodes);
        rig.Store.Graph.Create("docker", null);
        rig.Store.Graph.ApplyDiff("docker", null, new MemoryStream(StoreRig.Tar(1)));
        Assert.True(Measure().Shared.Inodes > 0);
        rig.Store.Graph.Remove("docker");
        Assert.Equal(0, Measure().Shared.Inodes);
    }
}
