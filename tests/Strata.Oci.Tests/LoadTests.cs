using System.Text;
using Strata.Testing;

namespace Strata.Oci.Tests;

public sealed class LoadTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public void A_layout_is_loaded_from_a_folder_a_tar_and_a_compressed_stream(string compression)
    {
        using var rig = new OciRig();
        var image = OciRig.Image(compression);
        var files = image.ToLayout();
        var loaded = rig.Load(files.WriteFolder(rig.Scratch["folder"])).Single();
        Assert.Equal(image.Id, loaded.Config.ToString());
        Assert.Equal(["localhost/test:1"], loaded.Names);
        Assert.Contains("/etc/c f 04755 0:0", rig.Dump(loaded), StringComparison.Ordinal);
        Assert.DoesNotContain("/etc/b", rig.Dump(loaded), StringComparison.Ordinal);
        Assert.Equal(image.Tars, rig.Store.GetChain(loaded.TopLayer!.Value).Reverse().Select(layer =>
        {
            using var tar = new MemoryStream();
            rig.Store.WriteTar(layer, tar);
            return tar.ToArray();
        }));

        Assert.Equal(loaded.Manifest, rig.Load(files).Single().Manifest);
        byte[] packed = TestImage.Compress(files.ToTar(), compression);
        Assert.Equal(loaded.Manifest, new ImageLoader(rig.Store).Load(new MemoryStream(packed), "standard input").Single().Manifest);
        File.WriteAllBytes(rig.Scratch["packed"], packed);
        Assert.Equal(loaded.Manifest, rig.Load(rig.Scratch["packed"]).Single().Manifest);
        Assert.Equal(2, rig.Store.ListLayers().Count);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(rig.Store.Root, "tmp")));
    }

    [Fact]
    public void A_docker_archive_is_loaded()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        var loaded = rig.Load(image.ToDockerArchive("test:1", "localhost/other")).Single();
        Assert.Equal(image.Id, loaded.Config.ToString());
        Assert.Equal(["localhost/other:latest", "test:1"], loaded.Names);
        var folder = rig.Load(image.ToDockerArchive().WriteFolder(rig.Scratch["folder"])).Single();
        Assert.Equal(loaded.Manifest, folder.Manifest);
    }

    [Fact]
    public void A_docker_archive_with_a_layer_that_occurs_twice_is_loaded()
    {
        // As old versions of docker save wrote it: a link in place of the second.
        using var rig = new OciRig();
        var tar = new TarBuilder().File("a", "a");
        var image = new TestImage().Layer(tar).Layer(new TarBuilder().Whiteout("a")).Layer(tar);
        var files = image.ToDockerArchive("twice:1");
        var archive = new TarBuilder();
        string first = files.Names[0], third = files.Names[2];
        foreach (string name in files.Names)
        {
            if (name == third)
                archive.Symlink(name, "../" + first);
            else
                archive.Raw(Encoding.UTF8.GetBytes(name), '0', content: files[name]);
        }
        File.WriteAllBytes(rig.Scratch["twice.tar"], archive.ToArray());
        var loaded = rig.Load(rig.Scratch["twice.tar"]).Single();
        Assert.Equal(3, rig.Store.GetChain(loaded.TopLayer!.Value).Count);
        var saved = rig.Save(loaded);
        using var other = new OciRig("vfs");
        File.WriteAllBytes(other.Scratch["saved.tar"], saved);
        Assert.Equal(loaded.Config, other.Load(other.Scratch["saved.tar"]).Single().Config);
    }

    [Fact]
    public void Of_several_platforms_the_wanted_one_is_loaded()
    {
        using var rig = new OciRig();
        TestImage mine = OciRig.Image(), other = new TestImage { Architecture = "riscv64" }.Layer(new TarBuilder().File("r"));
        var files = mine.ToLayout();
        other.AddTo(files);
        string Nested(params string[] entries) =>
            $$"""{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{{files.AddBlob(TestImage.Index(entries))}}","size":{{TestImage.Index(entries).Length}}}""";
        const string Attestation = """{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":5,"platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}""";

        files["index.json"] = TestImage.Index(other.Entry(platform: true), mine.Entry(platform: true), Attestation);
        Assert.Equal(mine.Id, rig.Load(files, new LoadOptions { Name = "m:1" }).Single().Config.ToString());
        Assert.Equal(other.Id, rig.Load(files, new LoadOptions { Name = "o:1", Platform = "linux/riscv64" }).Single().Config.ToString());
        var e = Assert.ThrowsAny<StrataException>(() => rig.Load(files, new LoadOptions { Platform = "linux/s390x" }));
        Assert.Equal(ErrorKind.NotFound, e.Kind);
        Assert.Contains("riscv64", e.Message, StringComparison.Ordinal);

        files["index.json"] = TestImage.Index(Nested(Nested(other.Entry(platform: true), mine.Entry(platform: true), Attestation)));
        Assert.Equal(mine.Id, rig.Load(files, new LoadOptions { Name = "n:1" }).Single().Config.ToString());
        string deep = mine.Entry();
        for (int i = 0; i < 6; i++)
            deep = Nested(deep);
        files["index.json"] = TestImage.Index(deep);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(files)).Kind);
    }

    [Theory]
    [InlineData("\"io.containerd.image.name\":\"docker.io/library/x:2\",\"org.opencontainers.image.ref.name\":\"2\"", "docker.io/library/x:2")]
    [InlineData("\"org.opencontainers.image.ref.name\":\"quay.io/a/b\"", "quay.io/a/b:latest")]
    [InlineData("\"org.opencontainers.image.ref.name\":\"v7\"", "image:v7")]
    [InlineData(null, "image:latest")]
    public void Names_come_with_the_image_or_from_its_file(string? annotations, string name)
    {
        using var rig = new OciRig();
        Assert.Equal([name], rig.Load(OciRig.Image().ToLayout(annotations)).Single().Names);
    }

    [Fact]
    public void A_given_name_counts_and_one_that_can_be_none_does_not_matter_then()
    {
        using var rig = new OciRig();
        var files = OciRig.Image().ToLayout("\"org.opencontainers.image.ref.name\":\"no/such name:!\"");
        Assert.Equal(["mine:1"], rig.Load(files, new LoadOptions { Name = "mine:1" }).Single().Names);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(files)).Kind);
    }

    [Fact]
    public void Several_images_are_loaded_each_and_one_under_two_names_is_one()
    {
        using var rig = new OciRig();
        TestImage one = OciRig.Image(), two = new TestImage().Layer(new TarBuilder().File("x"));
        var files = one.ToLayout();
        two.AddTo(files);
        string Named(TestImage image, string name) => image.Entry($"\"io.containerd.image.name\":\"{name}\"");
        files["index.json"] = TestImage.Index(Named(one, "a:1"), Named(two, "b:1"), Named(one, "c:1"));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(files, new LoadOptions { Name = "all:1" })).Kind);
        var loaded = rig.Load(files);
        Assert.Equal(2, loaded.Length);
        Assert.Equal(["a:1", "c:1"], loaded.Single(i => i.Config.ToString() == one.Id).Names);
        files["index.json"] = TestImage.Index(Named(one, "a:1"), Named(one, "c:1"));
        Assert.Contains("d:1", rig.Load(files, new LoadOptions { Name = "d:1" }).Single().Names);
    }

    [Fact]
    public void An_image_without_layers_is_an_image()
    {
        using var rig = new OciRig();
        var loaded = rig.Load(new TestImage().ToLayout()).Single();
        Assert.Null(loaded.TopLayer);
        Assert.Equal(loaded.Config.ToString(), new TestImage().Id);
        Assert.NotEmpty(rig.Save(loaded));
    }
}
