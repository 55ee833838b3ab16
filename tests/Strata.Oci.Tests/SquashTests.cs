using System.Text.Json;
using Strata.Testing;

namespace Strata.Oci.Tests;

[Collection("SOURCE_DATE_EPOCH")]
public sealed class SquashTests
{
    /// <summary>Random layers over each other; whatever part of them becomes one, the root file system is the same to the last time of a directory.</summary>
    [Theory, InlineData("overlay"), InlineData("vfs"), InlineData("erofs")]
    public void A_squashed_image_is_the_same_root_file_system(string driver)
    {
        using var rig = new OciRig(driver);
        var random = new Random(7);
        for (int round = 0; round < 4; round++)
        {
            var image = new TestImage();
            int count = 3 + (round % 3);
            for (int i = 0; i < count; i++)
                image.Layer(RandomLayer(random, i));
            var loaded = rig.Load(image.ToLayout()).Single();
            string before = rig.Dump(loaded);
            foreach (int keep in new[] { 0, 1, count - 1 })
            {
                var squashed = ImageSquasher.Squash(rig.Store, loaded, "squashed:1", keep);
                var chain = rig.Store.GetChain(squashed.TopLayer!.Value);
                Assert.Equal(keep + 1, chain.Count);
                Assert.Equal(before, rig.Dump(squashed));
            }
        }
    }

    [Fact]
    public void The_same_layers_give_the_same_layer_on_every_driver()
    {
        var digests = new List<string>();
        foreach (string driver in new[] { "overlay", "vfs", "erofs" })
        {
            using var rig = new OciRig(driver);
            var random = new Random(11);
            var image = new TestImage().Layer(RandomLayer(random, 0)).Layer(RandomLayer(random, 1)).Layer(RandomLayer(random, 2));
            var loaded = rig.Load(image.ToLayout()).Single();
            digests.Add(string.Join(' ', new[] { 0, 1 }.Select(keep => rig.Store.FindLayer(ImageSquasher.Squash(rig.Store, loaded, "s:1", keep).TopLayer!.Value)!.DiffId)));
        }
        Assert.Single(digests.Distinct());
    }

    [Fact]
    public void Whiteouts_against_each_other_are_gone_and_those_against_what_lies_below_are_kept()
    {
        using var rig = new OciRig();
        var image = new TestImage()
            .Layer(new TarBuilder().Dir("./").Dir("d").File("d/below", "1").File("kept", "1").Dir("opaque").File("opaque/old", "1"))
            .Layer(new TarBuilder().Dir("./").Dir("d").File("d/between", "2").Whiteout("d/below"))
            .Layer(new TarBuilder().Dir("./").Dir("d").Whiteout("d/between").Dir("opaque").Opaque("opaque").File("opaque/new", "3"));
        var loaded = rig.Load(image.ToLayout()).Single();
        var squashed = ImageSquasher.Squash(rig.Store, loaded, "s:1", keep: 1);
        Assert.Equal("d/,d/.wh.below,opaque/,opaque/new,opaque/.wh.old", Names(rig, squashed));
        Assert.Equal(rig.Dump(loaded), rig.Dump(squashed));
        Assert.Equal("./,d/,kept,opaque/,opaque/new", Names(rig, ImageSquasher.Squash(rig.Store, loaded, "s:2")));
    }

    /// <summary>Files of builds with fixed times: nothing but their contents tells that they changed.</summary>
    [Theory, InlineData("overlay"), InlineData("vfs"), InlineData("erofs")]
    public void A_file_that_differs_in_nothing_but_its_content_is_in_the_layer(string driver)
    {
        using var rig = new OciRig(driver);
        var image = new TestImage().Layer(new TarBuilder().File("a", "1").File("b", "same")).Layer(new TarBuilder().File("a", "2").File("b", "same")).Layer(new TarBuilder().File("c"));
        var loaded = rig.Load(image.ToLayout()).Single();
        var squashed = ImageSquasher.Squash(rig.Store, loaded, "s:1", keep: 1);
        Assert.Equal(rig.Dump(loaded), rig.Dump(squashed));
        Assert.Contains("a,c", Names(rig, squashed), StringComparison.Ordinal);
    }

    [Fact]
    public void The_config_stays_and_its_history_tells_what_was_done()
    {
        using var rig = new OciRig();
        var image = OciRig.Image().Layer(new TarBuilder().File("third"));
        image.EditConfig = text => text.Replace("\"history\":[", "\"x-unknown\":{\"b\":1.50,\"a\":null},\"history\":[{\"created_by\":\"ENV\",\"empty_layer\":true},", StringComparison.Ordinal)
            .Replace("\"created_by\":\"test\"}", "\"created_by\":\"test\"},{\"created_by\":\"two\"},{\"created_by\":\"three\"}", StringComparison.Ordinal);
        var loaded = rig.Load(image.ToLayout()).Single();
        var squashed = WithEpoch("1000000000", () => ImageSquasher.Squash(rig.Store, loaded, "s:1", keep: 1));
        Assert.Equal(squashed.Manifest, WithEpoch("1000000000", () => ImageSquasher.Squash(rig.Store, loaded, "s:2", keep: 1)).Manifest);
        using var config = JsonDocument.Parse(rig.Store.ReadBlob(squashed.Config));
        Assert.Contains("\"x-unknown\":{\"b\":1.50,\"a\":null}", System.Text.Encoding.UTF8.GetString(rig.Store.ReadBlob(squashed.Config)), StringComparison.Ordinal);
        Assert.Equal("sh", config.RootElement.GetProperty("config").GetProperty("Cmd")[0].GetString());
        var steps = ImageHistory.Read(rig.Store, squashed);
        Assert.Equal(["strata squash", "three", "two", "test", "ENV"], steps.Select(s => s.Entry.CreatedBy!));
        Assert.Equal([true, false, false, true, false], steps.Select(s => s.Layer is not null));
        Assert.Contains(loaded.Config.ToString(), steps[0].Entry.Comment, StringComparison.Ordinal);
        var all = ImageSquasher.Squash(rig.Store, loaded, "s:3");
        Assert.Single(rig.Store.GetChain(all.TopLayer!.Value));
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => ImageSquasher.Squash(rig.Store, loaded, "s:4", keep: 3)).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => ImageSquasher.Squash(rig.Store, loaded, "S!", keep: 1)).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Store.Squash(loaded.TopLayer!.Value, squashed.TopLayer)).Kind);
    }

    internal static T WithEpoch<T>(string? seconds, Func<T> action)
    {
        string? before = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH");
        Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", seconds);
        try
        {
            return action();
        }
        finally
        {
            Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", before);
        }
    }

    private static string Names(OciRig rig, Strata.Store.ImageRecord image)
    {
        using var tar = new MemoryStream();
        rig.Store.WriteTar(rig.Store.FindLayer(image.TopLayer!.Value)!, tar);
        tar.Position = 0;
        using var reader = new Strata.Formats.Tar.TarReader(tar);
        var names = new List<string>();
        while (reader.ReadNext() is { } entry)
            names.Add(System.Text.Encoding.UTF8.GetString(entry.Name));
        return string.Join(',', names);
    }

    /// <summary>Few names, so that layers meet: files, directories, links and removals in each other's places, with times of their own.</summary>
    private static TarBuilder RandomLayer(Random random, int layer)
    {
        var tar = new TarBuilder();
        var files = new List<string>();
        var here = new HashSet<string>();
        long Time() => 1_000_000_000 + random.Next(3);
        if (random.Next(2) == 0)
            tar.Raw("./"u8.ToArray(), '5', mode: random.Next(2) == 0 ? 0x1ED : 0x1C0, mtime: Time());
        for (int i = 0; i < 14; i++)
        {
            string directory = "d" + random.Next(3);
            if (here.Add(directory) && random.Next(3) > 0)
                tar.Raw(System.Text.Encoding.UTF8.GetBytes(directory + "/"), '5', mode: random.Next(4) == 0 ? 0x1C0 : 0x1ED, uid: random.Next(2), mtime: Time());
            string name = $"{directory}/n{random.Next(5)}";
            if (!here.Add(name))
                continue;
            byte[] bytes = System.Text.Encoding.UTF8.GetBytes(name);
            switch (random.Next(layer == 0 ? 4 : 7))
            {
                case 0:
                    tar.Raw(bytes, '2', link: "target" + random.Next(2), mode: 0x1FF, mtime: Time());
                    break;
                case 1 when files.Count > 0:
                    tar.Hardlink(name, files[random.Next(files.Count)]);
                    break;
                case 2:
                    tar.Raw([.. bytes, (byte)'/'], '5', mode: 0x1ED, mtime: Time());
                    tar.Raw([.. bytes, .. "/inner"u8], '0', mtime: Time(), content: [(byte)('a' + random.Next(2))]);
                    break;
                case 4 or 5:
                    tar.Whiteout(name);
                    break;
                case 6:
                    tar.Opaque(directory);
                    break;
                default:
                    if (random.Next(3) == 0)
                        tar.Xattr("user.x", (byte)random.Next(2));
                    tar.Raw(bytes, '0', mode: random.Next(2) == 0 ? 0x1A4 : 0x9ED, mtime: Time(), content: [(byte)('a' + random.Next(3))]);
                    files.Add(name);
                    break;
            }
        }
        return tar;
    }
}
