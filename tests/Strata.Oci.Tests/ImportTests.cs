using System.Text.Json;
using Strata.Testing;

namespace Strata.Oci.Tests;

[Collection("SOURCE_DATE_EPOCH")]
public sealed class ImportTests
{
    [Fact]
    public void A_folder_becomes_the_same_image_wherever_and_whenever()
    {
        var digests = new List<Digest>();
        foreach (string driver in new[] { "overlay", "vfs", "erofs" })
        {
            using var rig = new OciRig(driver);
            string folder = rig.Scratch.Make("root");
            Commands.Run("bash", "-c", $"cd '{folder}'; mkdir -p b/c a; echo 1 > b/c/f; echo 2 > a/z; ln b/c/f link; ln -s /x sym; mkfifo fifo; chmod 4755 a/z; setfattr -n user.k -v v a/z; mkdir .wh.x; touch -d @5 b/c/f; touch -d @7 a");
            var image = SquashTests.WithEpoch("1000000000", () => RootImporter.ImportFolder(rig.Store, folder, "root:1", new ImportOptions
            {
                Owner = (0, 0), Platform = "linux/riscv64", Changes = new ImageChanges { Config = [ConfigChange.Parse("CMD [\"sh\"]")], Author = "me", Message = "why" },
            }));
            digests.Add(image.Manifest);
            Assert.Equal(["root:1"], image.Names);
            Assert.Equal("linux/riscv64", image.Platform);
            string dump = rig.Dump(image);
            Assert.Contains("/a/z f 04755", dump, StringComparison.Ordinal);
            Assert.DoesNotContain(".wh.", dump, StringComparison.Ordinal);
            Assert.Contains("user.k", dump, StringComparison.Ordinal);
            using var config = JsonDocument.Parse(rig.Store.ReadBlob(image.Config));
            Assert.Equal("2001-09-09T01:46:40Z", config.RootElement.GetProperty("created").GetString());
            Assert.Equal("me", config.RootElement.GetProperty("author").GetString());
            var step = Assert.Single(ImageHistory.Read(rig.Store, image));
            Assert.Equal("why", step.Entry.Comment);
            string root = rig.Store.Driver.Get(rig.Store.FindLayer(image.TopLayer!.Value)!.DriverId);
            Assert.Equal(1_000_000_000, new DateTimeOffset(File.GetLastWriteTimeUtc(Path.Combine(root, "a/z"))).ToUnixTimeSeconds());
            Assert.Equal(5, new DateTimeOffset(File.GetLastWriteTimeUtc(Path.Combine(root, "b/c/f"))).ToUnixTimeSeconds());
            rig.Store.Driver.Put(rig.Store.FindLayer(image.TopLayer!.Value)!.DriverId);
            File.WriteAllBytes(rig.Scratch["saved.tar"], rig.Save(image));
            using var other = new OciRig("vfs");
            Assert.Equal(image.Manifest, other.Load(rig.Scratch["saved.tar"]).Single().Manifest);
        }
        Assert.Single(digests.Distinct());
    }

    [Theory, InlineData("none"), InlineData("gzip"), InlineData("zstd"), InlineData("xz"), InlineData("bzip2")]
    public void A_tar_becomes_the_layer_byte_for_byte(string compression)
    {
        using var rig = new OciRig();
        byte[] tar = new TarBuilder().Dir("./").File("etc/a", "1").ToArray();
        using var stream = new MemoryStream(TestImage.Compress(tar, compression));
        var image = RootImporter.ImportTar(rig.Store, stream, "root.tar", "root");
        Assert.Equal(["root:latest"], image.Names);
        Assert.Equal(Platform.Host.ToString(), image.Platform);
        Assert.Equal(TestImage.HexOf(tar), rig.Store.FindLayer(image.TopLayer!.Value)!.DiffId.Digest.Hex);
        Assert.Contains("root.tar", ImageHistory.Read(rig.Store, image)[0].Entry.Comment, StringComparison.Ordinal);
    }

    [Fact]
    public void What_can_not_be_imported_leaves_nothing()
    {
        using var rig = new OciRig();
        ErrorKind Kind(Action import) => Assert.ThrowsAny<StrataException>(import).Kind;
        Assert.Equal(ErrorKind.NotFound, Kind(() => RootImporter.ImportFolder(rig.Store, rig.Scratch["none"], "x")));
        Assert.Equal(ErrorKind.InvalidArgument, Kind(() => RootImporter.ImportFolder(rig.Store, rig.Scratch.Make("f"), "X")));
        Assert.Equal(ErrorKind.InvalidArgument, Kind(() => RootImporter.ImportFolder(rig.Store, rig.Scratch.Path, "x"))); // holds the store
        Assert.Equal(ErrorKind.InvalidArgument, Kind(() => RootImporter.ImportFolder(rig.Store, rig.Scratch.Make("f"), "x", new ImportOptions { Platform = "a/b/c/d" })));
        Assert.Equal(ErrorKind.InvalidArgument, Kind(() => RootImporter.ImportFolder(rig.Store, rig.Scratch.Make("f"), "x", new ImportOptions { Changes = new ImageChanges { Config = [ConfigChange.Parse("EXPOSE x")] } })));
        Assert.Equal(ErrorKind.InvalidArgument, SquashTests.WithEpoch("yesterday", () => Kind(() => RootImporter.ImportFolder(rig.Store, rig.Scratch.Make("f"), "x"))));
        Assert.Equal(ErrorKind.InvalidArgument, Kind(() => RootImporter.ImportTar(rig.Store, new MemoryStream(new TarBuilder().File("../x").ToArray()), "t", "x")));
        Assert.Equal(ErrorKind.Corrupt, Kind(() => RootImporter.ImportTar(rig.Store, new MemoryStream(new TarBuilder().File("x").ToArray()[..700]), "t", "x")));
        rig.AssertEmpty();
    }

    [Fact]
    public void A_commit_says_what_it_is_told_and_is_the_same_in_every_store()
    {
        var digests = new List<Digest>();
        foreach (string driver in new[] { "overlay", "vfs", "erofs" })
        {
            using var rig = new OciRig(driver);
            var image = OciRig.Image("gzip");
            image.EditConfig = text => text.Replace("\"os\":\"linux\"", "\"os\":\"linux\",\"x-unknown\":[1.50]", StringComparison.Ordinal);
            image.EditManifest = text => text[..^1] + ",\"annotations\":{\"kept\":\"1\"}}";
            var loaded = rig.Load(image.ToLayout()).Single();
            rig.Store.CreateWritable("box", loaded.TopLayer, loaded.Manifest);
            string root = rig.Store.Mount("box");
            // The times are those of this moment: newer than the epoch, and so none of the image's.
            File.WriteAllText(Path.Combine(root, "etc/new"), "new");
            Directory.CreateDirectory(Path.Combine(root, "dir"));
            File.Delete(Path.Combine(root, "etc/a"));
            rig.Store.Unmount("box");
            var changes = new ImageChanges
            {
                Config = [new ConfigChange(ConfigInstruction.Env, "A=b c", true), ConfigChange.Parse("LABEL x=y"), ConfigChange.Parse("USER 7"), ConfigChange.Parse("WORKDIR /w")],
                Author = "me", Message = "why",
            };
            var made = SquashTests.WithEpoch("1500000000", () => ImageCommitter.Commit(rig.Store, "box", "new:1", changes, cancellationToken: TestContext.Current.CancellationToken));
            digests.Add(made.Manifest);
            string config = System.Text.Encoding.UTF8.GetString(rig.Store.ReadBlob(made.Config));
            foreach (string part in new[] { "\"x-unknown\":[1.50]", "\"Env\":[\"PATH=/bin\",\"A=b c\"]", "\"Cmd\":[\"sh\"]", "\"Labels\":{\"x\":\"y\"}", "\"User\":\"7\"", "\"WorkingDir\":\"/w\"", "\"author\":\"me\"" })
                Assert.Contains(part, config, StringComparison.Ordinal);
            Assert.Contains("\"annotations\":{\"kept\":\"1\"}", System.Text.Encoding.UTF8.GetString(rig.Store.ReadBlob(made.Manifest)), StringComparison.Ordinal);
            Assert.Equal("why", ImageHistory.Read(rig.Store, made)[0].Entry.Comment);
            Assert.Contains("/etc/new f 0644 0:0 1500000000", rig.Dump(made), StringComparison.Ordinal);
            Assert.DoesNotContain("/etc/a ", rig.Dump(made), StringComparison.Ordinal);
        }
        Assert.Single(digests.Distinct());
    }

    [Fact]
    public void A_change_that_makes_no_sense_is_told_before_a_layer_is_made()
    {
        using var rig = new OciRig();
        rig.Store.CreateWritable("box", null);
        var changes = new ImageChanges { Config = [new ConfigChange(ConfigInstruction.StopSignal, "99", true)] };
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => ImageCommitter.Commit(rig.Store, "box", "x", changes)).Kind);
        Assert.Empty(rig.Store.ListLayers());
    }
}
