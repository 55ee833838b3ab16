using System.Text.Json;
using Strata.Formats.Tar;
using Strata.Testing;

namespace Strata.Oci.Tests;

[Collection("SOURCE_DATE_EPOCH")]
public sealed class SaveAndCommitTests
{
    [Theory]
    [InlineData("overlay", "gzip", "vfs")]
    [InlineData("vfs", "none", "overlay")]
    public void What_is_saved_loads_as_the_same_image(string driver, string compression, string otherDriver)
    {
        using var rig = new OciRig(driver);
        using var other = new OciRig(otherDriver);
        var image = rig.Load(OciRig.Image(compression).ToLayout()).Single();
        byte[] saved = rig.Save(image);
        Assert.Equal(saved, rig.Save(image));
        File.WriteAllBytes(other.Scratch["saved.tar"], saved);
        var again = other.Load(other.Scratch["saved.tar"]).Single();
        Assert.Equal(image.Config, again.Config);
        Assert.Equal(image.Names, again.Names);
        Assert.Equal(rig.Dump(image), other.Dump(again));
        Assert.Equal(saved, other.Save(again));
        if (compression == "none")
            Assert.Equal(image.Manifest, again.Manifest);

        // The docker-archive in the same tar is the same image too.
        Commands.Run("mkdir", other.Scratch["docker"]);
        Commands.Run("tar", "-C", other.Scratch["docker"], "-xf", other.Scratch["saved.tar"]);
        File.Delete(Path.Combine(other.Scratch["docker"], "index.json"));
        Assert.Equal(image.Config, other.Load(other.Scratch["docker"]).Single().Config);
    }

    [Fact]
    public void Saved_images_are_read_by_skopeo()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/skopeo"), "skopeo is not installed");
        using var rig = new OciRig();
        var image = rig.Load(OciRig.Image("gzip").ToLayout()).Single();
        string file = rig.Scratch["saved.tar"];
        File.WriteAllBytes(file, rig.Save(image));
        foreach (string transport in new[] { "oci-archive", "docker-archive" })
        {
            Commands.Run("skopeo", "--tmpdir", rig.Scratch.Path, "copy", "--insecure-policy", $"{transport}:{file}", $"dir:{rig.Scratch[transport]}");
            using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(rig.Scratch[transport], "manifest.json")));
            Assert.Equal(image.Config.ToString(), manifest.RootElement.GetProperty("config").GetProperty("digest").GetString());
            Assert.Equal(2, manifest.RootElement.GetProperty("layers").GetArrayLength());
        }
    }

    [Fact]
    public void A_damaged_layer_is_not_saved()
    {
        using var rig = new OciRig("vfs");
        var image = rig.Load(OciRig.Image().ToLayout()).Single();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(rig.Store.Root, "vfs"), "a", SearchOption.AllDirectories))
            File.WriteAllText(file, "ONE");
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Save(image)).Kind);
    }

    [Theory, InlineData("overlay"), InlineData("vfs")]
    public void A_commit_can_be_repeated_bit_for_bit(string driver)
    {
        string? before = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH");
        Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", "1000000000");
        try
        {
            var digests = new List<Digest>();
            for (int i = 0; i < 2; i++)
            {
                using var rig = new OciRig(driver);
                var image = rig.Load(OciRig.Image().ToLayout()).Single();
                rig.Store.CreateWritable("box", image.TopLayer, image.Manifest);
                string root = rig.Store.Mount("box");
                File.WriteAllText(Path.Combine(root, "etc/new"), "new");
                foreach (string path in new[] { "etc/new", "etc", "" })
                    Commands.Run("touch", "-d", "@5", Path.Combine(root, path));
                rig.Store.Unmount("box");
                var made = ImageCommitter.Commit(rig.Store, "box", "new");
                Assert.Equal(["new:latest"], made.Names);
                digests.Add(made.Manifest);
                using var config = JsonDocument.Parse(rig.Store.ReadBlob(made.Config));
                Assert.Equal("2001-09-09T01:46:40Z", config.RootElement.GetProperty("created").GetString());
                Assert.Equal("sh", config.RootElement.GetProperty("config").GetProperty("Cmd")[0].GetString());
                Assert.Equal(3, config.RootElement.GetProperty("history").GetArrayLength()); // the second layer, of which nothing was told, and the new one
                Assert.Equal(3, config.RootElement.GetProperty("rootfs").GetProperty("diff_ids").GetArrayLength());
                File.WriteAllBytes(rig.Scratch["new.tar"], rig.Save(made));
                using var other = new OciRig("vfs");
                Assert.Contains("/etc/new", other.Dump(other.Load(rig.Scratch["new.tar"]).Single()), StringComparison.Ordinal);
            }
            Assert.Equal(digests[0], digests[1]);
        }
        finally
        {
            Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", before);
        }
    }

    [Theory, InlineData("overlay"), InlineData("vfs")]
    public void A_commit_without_changes_adds_an_empty_layer(string driver)
    {
        using var rig = new OciRig(driver);
        var image = rig.Load(OciRig.Image().ToLayout()).Single();
        rig.Store.CreateWritable("box", image.TopLayer, image.Manifest);
        var made = ImageCommitter.Commit(rig.Store, "box", "same:1");
        var layer = rig.Store.FindLayer(made.TopLayer!.Value)!;
        Assert.Equal(image.TopLayer, layer.Parent);
        using var tar = new MemoryStream();
        rig.Store.WriteTar(layer, tar);
        tar.Position = 0;
        using var reader = new TarReader(tar);
        Assert.Null(reader.ReadNext());
        Assert.Equal(rig.Dump(image), rig.Dump(made));
    }

    [Fact]
    public void A_commit_of_what_began_empty_or_whose_image_is_gone_is_an_image()
    {
        using var rig = new OciRig();
        rig.Store.CreateWritable("empty", null);
        File.WriteAllText(Path.Combine(rig.Store.Mount("empty"), "a"), "a");
        rig.Store.Unmount("empty");
        Assert.Single(rig.Store.GetChain(ImageCommitter.Commit(rig.Store, "empty", "one").TopLayer!.Value));
        var image = rig.Load(OciRig.Image().ToLayout()).Single();
        rig.Store.CreateWritable("box", image.TopLayer, image.Manifest);
        rig.Store.RemoveImage(image.Manifest);
        var made = ImageCommitter.Commit(rig.Store, "box", "two");
        File.WriteAllBytes(rig.Scratch["two.tar"], rig.Save(made));
        Assert.Equal(made.Config, rig.Load(rig.Scratch["two.tar"]).Single().Config);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-x")]
    [InlineData("a b")]
    [InlineData("a//b")]
    [InlineData("a:")]
    public void A_name_that_can_be_none_is_refused_before_anything_is_made(string name)
    {
        using var rig = new OciRig();
        rig.Store.CreateWritable("box", null);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => ImageCommitter.Commit(rig.Store, "box", name)).Kind);
        Assert.Empty(rig.Store.ListLayers());
    }

    [Fact]
    public void Images_are_found_by_name_and_by_the_beginning_of_their_id()
    {
        using var rig = new OciRig();
        var image = rig.Load(OciRig.Image().ToLayout("\"io.containerd.image.name\":\"docker.io/library/deb:1\""), null).Single();
        foreach (string text in new[] { "deb:1", "library/deb:1", "docker.io/library/deb:1", image.Config.Hex[..12], image.Config.ToString(), image.Manifest.Hex[..8] })
            Assert.Equal(image.Manifest, ImageNames.Find(rig.Store, text)?.Manifest);
        foreach (string text in new[] { "deb", "deb:2", "xdeb:1", image.Config.Hex[..3], "zzzz", "" })
            Assert.Null(ImageNames.Find(rig.Store, text));
    }
}
