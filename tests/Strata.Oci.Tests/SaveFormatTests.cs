using System.Text;
using Strata.Testing;

namespace Strata.Oci.Tests;

public sealed class SaveFormatTests
{
    [Theory]
    [InlineData(SaveFormat.Both, SaveCompression.None)]
    [InlineData(SaveFormat.Oci, SaveCompression.Gzip)]
    [InlineData(SaveFormat.Oci, SaveCompression.Zstd)]
    [InlineData(SaveFormat.DockerArchive, SaveCompression.None)]
    [InlineData(SaveFormat.DockerArchive, SaveCompression.Gzip)]
    public void Each_format_and_compression_loads_as_the_same_image(SaveFormat format, SaveCompression compression)
    {
        using var rig = new OciRig();
        var image = rig.Load(OciRig.Image("gzip").ToLayout()).Single();
        var second = rig.Load(new TestImage().Layer(new TarBuilder().File("second")).ToLayout("\"io.containerd.image.name\":\"localhost/second:2\"")).Single();
        var options = new SaveOptions { Format = format, Compression = compression };
        byte[] saved = Save(rig, options, image, second);
        Assert.Equal(saved, Save(rig, options, image, second));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(rig.Store.Root, "tmp")));
        string file = rig.Scratch["saved.tar"];
        File.WriteAllBytes(file, saved);
        using var other = new OciRig("vfs");
        var again = other.Load(file);
        Assert.Equal([image.Config, second.Config], again.Select(i => i.Config));
        Assert.Equal(["localhost/test:1", "localhost/second:2"], again.Select(i => i.Names.Single()));
        Assert.Equal(rig.Dump(image), other.Dump(again[0]));
        string types = Encoding.UTF8.GetString(other.Store.ReadBlob(again[0].Manifest));
        Assert.Contains(compression switch { SaveCompression.Gzip => "v1.tar+gzip\"", SaveCompression.Zstd => "v1.tar+zstd\"", _ => "v1.tar\"" }, types, StringComparison.Ordinal);
        string listing = Commands.Run("tar", "-tf", file);
        Assert.Equal(format != SaveFormat.DockerArchive, listing.Contains("oci-layout", StringComparison.Ordinal));
        Assert.Equal(format != SaveFormat.Oci, listing.Contains("manifest.json", StringComparison.Ordinal));
        if (File.Exists("/usr/bin/skopeo"))
            Commands.Run("skopeo", "--tmpdir", rig.Scratch.Path, "copy", "--insecure-policy", format == SaveFormat.DockerArchive ? $"docker-archive:{file}:localhost/test:1" : $"oci-archive:{file}:1", $"dir:{rig.Scratch["skopeo"]}");
    }

    [Fact]
    public void Dockers_media_types_come_and_stay_and_become_ocis_where_the_blobs_change()
    {
        using var rig = new OciRig();
        var image = OciRig.Image("gzip");
        image.EditManifest = text => text.Replace(MediaTypes.Manifest, MediaTypes.DockerManifest, StringComparison.Ordinal).Replace(MediaTypes.Config, MediaTypes.DockerConfig, StringComparison.Ordinal)
            .Replace(MediaTypes.LayerGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip", StringComparison.Ordinal).Replace("}]}", ",\"urls\":[\"x\"],\"annotations\":{\"kept\":\"1\"}}],\"annotations\":{\"kept\":\"2\"}}", StringComparison.Ordinal);
        var files = image.ToLayout();
        files["index.json"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["index.json"]).Replace(MediaTypes.Manifest, MediaTypes.DockerManifest, StringComparison.Ordinal).Replace(MediaTypes.Index, MediaTypes.DockerIndex, StringComparison.Ordinal));
        var loaded = rig.Load(files).Single();
        Assert.Equal(image.Manifest, rig.Store.ReadBlob(loaded.Manifest));
        File.WriteAllBytes(rig.Scratch["saved.tar"], Save(rig, new SaveOptions(), loaded));
        using var other = new OciRig("vfs");
        var again = other.Load(rig.Scratch["saved.tar"]).Single();
        Assert.Equal(loaded.Config, again.Config);
        string manifest = Encoding.UTF8.GetString(other.Store.ReadBlob(again.Manifest));
        Assert.DoesNotContain("docker", manifest, StringComparison.Ordinal);
        Assert.DoesNotContain("urls", manifest, StringComparison.Ordinal);
        Assert.Contains("\"annotations\":{\"kept\":\"1\"}", manifest, StringComparison.Ordinal);
        Assert.Contains("\"annotations\":{\"kept\":\"2\"}", manifest, StringComparison.Ordinal);

        // Uncompressed as it came, it is saved as it came, its types among it.
        var plain = OciRig.Image();
        plain.EditManifest = text => text.Replace(MediaTypes.Manifest, MediaTypes.DockerManifest, StringComparison.Ordinal).Replace(MediaTypes.Config, MediaTypes.DockerConfig, StringComparison.Ordinal).Replace(MediaTypes.LayerTar, "application/vnd.docker.image.rootfs.diff.tar", StringComparison.Ordinal);
        var docker = rig.Load(plain.ToLayout().Edit("index.json", MediaTypes.Manifest, MediaTypes.DockerManifest)).Single();
        File.WriteAllBytes(rig.Scratch["docker.tar"], Save(rig, new SaveOptions(), docker));
        Assert.Equal(docker.Manifest, other.Load(rig.Scratch["docker.tar"]).Single().Manifest);
    }

    [Fact]
    public void Foreign_layers_are_loaded_where_they_are_and_their_lack_is_explained()
    {
        using var rig = new OciRig();
        var image = OciRig.Image("gzip");
        image.EditManifest = text => text.Replace(MediaTypes.LayerGzip, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", StringComparison.Ordinal);
        var files = image.ToLayout();
        files.Remove("blobs/sha256/" + TestImage.HexOf(image.Blobs[1]));
        Assert.Contains("does not let others hand on", rig.Refuses(files, ErrorKind.NotFound).Message, StringComparison.Ordinal);
        var loaded = rig.Load(image.ToLayout()).Single();
        Assert.Contains("/etc/c", rig.Dump(loaded), StringComparison.Ordinal);
        File.WriteAllBytes(rig.Scratch["saved.tar"], Save(rig, new SaveOptions(), loaded));
        using var other = new OciRig("vfs");
        Assert.Contains("nondistributable.v1.tar\"", Encoding.UTF8.GetString(other.Store.ReadBlob(other.Load(rig.Scratch["saved.tar"]).Single().Manifest)), StringComparison.Ordinal);
    }

    [Fact]
    public void Sha512_names_blobs_too()
    {
        using var rig = new OciRig();
        var image = OciRig.Image("gzip");
        var files = image.ToLayout();
        string Sha512(byte[] bytes)
        {
            string hex = Convert.ToHexStringLower(System.Security.Cryptography.SHA512.HashData(bytes));
            files["blobs/sha512/" + hex] = bytes;
            return "sha512:" + hex;
        }
        byte[] layer = image.Blobs[1], config = image.Config;
        image.EditManifest = text => text.Replace("sha256:" + TestImage.HexOf(layer), Sha512(layer), StringComparison.Ordinal).Replace("sha256:" + TestImage.HexOf(config), Sha512(config), StringComparison.Ordinal);
        files["index.json"] = TestImage.Index($$"""{"mediaType":"{{MediaTypes.Manifest}}","digest":"{{Sha512(image.Manifest)}}","size":{{image.Manifest.Length}}}""");
        foreach (string name in files.Names.Where(n => n.StartsWith("blobs/sha256/", StringComparison.Ordinal) && !n.EndsWith(TestImage.HexOf(image.Blobs[0]), StringComparison.Ordinal)).ToArray())
            files.Remove(name);
        var loaded = rig.Load(files).Single();
        Assert.Equal(image.Id, loaded.Config.ToString());
        File.WriteAllBytes(rig.Scratch["saved.tar"], Save(rig, new SaveOptions(), loaded));
        using var other = new OciRig("vfs");
        Assert.Equal(loaded.Config, other.Load(rig.Scratch["saved.tar"]).Single().Config);
    }

    [Fact]
    public void History_matches_steps_and_layers_as_far_as_the_config_tells()
    {
        using var rig = new OciRig();
        TestImage more = OciRig.Image(), none = OciRig.Image();
        more.EditConfig = text => text.Replace("\"history\":[", "\"history\":[{\"empty_layer\":true,\"comment\":\"c\",\"author\":\"a\"},{\"created_by\":\"second\"},{\"created_by\":\"third\"},", StringComparison.Ordinal);
        none.EditConfig = text => text[..text.IndexOf(",\"history\"", StringComparison.Ordinal)] + ",\"history\":null}";
        var steps = ImageHistory.Read(rig.Store, rig.Load(more.ToLayout()).Single());
        Assert.Equal([null, "third", "second", null], steps.Select(s => s.Entry.CreatedBy == "test" ? null : s.Entry.CreatedBy));
        Assert.Equal([false, true, true, false], steps.Select(s => s.Layer is not null));
        Assert.Equal(("c", "a"), (steps[3].Entry.Comment, steps[3].Entry.Author));
        steps = ImageHistory.Read(rig.Store, rig.Load(none.ToLayout()).Single());
        Assert.Equal([true, true], steps.Select(s => s.Layer is not null));
        Assert.Equal(TestImage.HexOf(none.Tars[1]), steps[0].Layer!.DiffId.Digest.Hex);
    }

    private static byte[] Save(OciRig rig, SaveOptions options, params Strata.Store.ImageRecord[] images)
    {
        using var tar = new MemoryStream();
        ImageSaver.Save(rig.Store, images, tar, options, TestContext.Current.CancellationToken);
        return tar.ToArray();
    }
}
