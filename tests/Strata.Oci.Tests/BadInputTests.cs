using System.Text;
using Strata.Testing;

namespace Strata.Oci.Tests;

/// <summary>Nothing of what is refused here leaves a trace in the store.</summary>
public sealed class BadInputTests
{
    private const string ZeroDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    [Fact]
    public void What_is_no_image_is_told()
    {
        using var rig = new OciRig();
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch["none"])).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch.Make("empty"))).Kind);
        foreach (byte[] bytes in (byte[][])[[], "text"u8.ToArray(), Encoding.ASCII.GetBytes(new string('x', 100_000)), TestImage.Compress([1, 2, 3], "gzip"), TestImage.Compress(new byte[2000], "zstd"), new byte[10_240], new TarBuilder().File("a").ToArray()])
        {
            File.WriteAllBytes(rig.Scratch["file"], bytes);
            var e = Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch["file"]));
            Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
            Assert.Contains(rig.Scratch["file"], e.Message, StringComparison.Ordinal);
            e = Assert.ThrowsAny<StrataException>(() => new ImageLoader(rig.Store).Load(new MemoryStream(bytes), "standard input"));
            Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        }
        rig.AssertEmpty();
    }

    [Fact]
    public void What_began_as_an_image_and_is_broken_is_corrupt()
    {
        using var rig = new OciRig();
        byte[] whole = OciRig.Image().ToLayout().ToTar();
        byte[] headless = (byte[])whole.Clone();
        headless[0] ^= 1; // the first header's checksum is wrong, but it still says what it is
        byte[] later = (byte[])whole.Clone();
        later.AsSpan(FindSecondHeader(whole), 512).Fill(0x41);
        foreach (byte[] bytes in (byte[][])[headless, later, whole[..700], TestImage.Compress(whole, "gzip")[..^20], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]])
        {
            File.WriteAllBytes(rig.Scratch["file"], bytes);
            var e = Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch["file"]));
            Assert.True(e.Kind == ErrorKind.Corrupt, e.Message);
            Assert.Contains(rig.Scratch["file"], e.Message, StringComparison.Ordinal);
        }
        rig.AssertEmpty();
    }

    private static int FindSecondHeader(byte[] tar)
    {
        for (int at = 512; ; at += 512)
        {
            if (tar.AsSpan(at + 257).StartsWith("ustar"u8))
                return at;
        }
    }

    [Theory]
    [InlineData("", ErrorKind.InvalidArgument)]
    [InlineData("no JSON", ErrorKind.InvalidArgument)]
    [InlineData("[]", ErrorKind.InvalidArgument)]
    [InlineData("null", ErrorKind.InvalidArgument)]
    [InlineData("5", ErrorKind.InvalidArgument)]
    [InlineData("{}", ErrorKind.NotSupported)]
    [InlineData("{\"schemaVersion\":2} {}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":2}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":{}}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[]}", ErrorKind.NotFound)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[5]}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[{}]}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":1,\"manifests\":[]}", ErrorKind.NotSupported)]
    [InlineData("{\"schemaVersion\":\"2\",\"manifests\":[]}", ErrorKind.NotSupported)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", ErrorKind.InvalidArgument)]
    [InlineData("{\"schemaVersion\":2,\"manifests\":[],\"x\":\"\\ud800\"}", ErrorKind.InvalidArgument)]
    public void A_malformed_index_is_refused(string text, ErrorKind kind)
    {
        using var rig = new OciRig();
        var files = OciRig.Image().ToLayout();
        files["index.json"] = Encoding.UTF8.GetBytes(text);
        rig.Refuses(files, kind);
    }

    [Theory]
    [InlineData("sha256:ABCDEF0000000000000000000000000000000000000000000000000000000000", ErrorKind.InvalidArgument)]
    [InlineData("sha256:../../../../etc/passwd", ErrorKind.InvalidArgument)]
    [InlineData("sha256:abc", ErrorKind.InvalidArgument)]
    [InlineData("sha512:../../../../etc/passwd", ErrorKind.InvalidArgument)]
    [InlineData("md5:../../../../etc/passwd", ErrorKind.InvalidArgument)]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427e", ErrorKind.NotSupported)]
    [InlineData("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", ErrorKind.NotSupported)]
    [InlineData("../../x", ErrorKind.InvalidArgument)]
    [InlineData("", ErrorKind.InvalidArgument)]
    public void A_digest_that_is_none_is_refused_wherever_it_stands(string digest, ErrorKind kind)
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        rig.Refuses(image.ToLayout().Edit("index.json", "sha256:" + TestImage.HexOf(image.Manifest), digest), kind);
        image.EditManifest = text => text.Replace("sha256:" + TestImage.HexOf(image.Config), digest, StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), kind);
        image.EditManifest = text => text.Replace("sha256:" + TestImage.HexOf(image.Blobs[1]), digest, StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), kind);
        image.EditManifest = text => text;
        image.EditConfig = text => text.Replace("sha256:" + TestImage.HexOf(image.Tars[1]), digest, StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), kind);
        rig.Refuses(image.ToDockerArchive("x:1"), kind);
    }

    [Theory]
    [InlineData("\"schemaVersion\":2", "\"schemaVersion\":1", ErrorKind.NotSupported)]
    [InlineData("\"schemaVersion\":2", "\"schemaVersion\":\"2\"", ErrorKind.NotSupported)]
    [InlineData("\"schemaVersion\":2", "\"schemaVersion\":2.5", ErrorKind.NotSupported)]
    [InlineData("\"schemaVersion\":2", "\"schemaVersion\":2,\"manifests\":[]", ErrorKind.InvalidArgument)]
    [InlineData("\"schemaVersion\":2", "\"schemaVersion\":2,\"schemaVersion\":2", ErrorKind.InvalidArgument)]
    [InlineData("manifest.v1+json\"", "artifact.v1+json\"", ErrorKind.NotSupported)]
    [InlineData("application/vnd.oci.image.config.v1+json", "application/vnd.cncf.helm.config.v1+json", ErrorKind.NotSupported)]
    [InlineData("application/vnd.oci.image.layer.v1.tar", "application/vnd.in-toto+json", ErrorKind.NotSupported)]
    [InlineData("\"layers\":[", "\"layers\":[5,", ErrorKind.InvalidArgument)]
    [InlineData("\"layers\":", "\"Layers\":[],\"layers\":", ErrorKind.InvalidArgument)]
    [InlineData("\"layers\":", "\"x\":1,\"x\":2,\"layers\":", ErrorKind.InvalidArgument)]
    [InlineData("\"layers\":", "\"layers\":null,\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("\"config\":", "\"artifactType\":\"application/vnd.example.sbom\",\"config\":", ErrorKind.NotSupported)]
    [InlineData("\"config\":", "\"artifactType\":7,\"config\":", ErrorKind.InvalidArgument)]
    [InlineData("\"config\":", "\"config\":null,\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("application/vnd.oci.image.config.v1+json", "application/vnd.oci.empty.v1+json", ErrorKind.NotSupported)]
    [InlineData("application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", ErrorKind.NotSupported)]
    [InlineData("application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tarball", ErrorKind.NotSupported)]
    [InlineData("\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"", "\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\"", ErrorKind.InvalidArgument)]
    [InlineData("\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"", "\"mediaType\":\"application/vnd.oci.image.index.v1+json\"", ErrorKind.NotSupported)]
    [InlineData("\"size\":", "\"annotations\":{\"a\":5},\"size\":", ErrorKind.InvalidArgument)]
    [InlineData("\"layers\":", "\"Layers\":", ErrorKind.InvalidArgument)]
    [InlineData("\"config\":", "\"config\":[],\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("\"size\":", "\"size\":-", ErrorKind.InvalidArgument)]
    [InlineData("\"size\":", "\"size\":1", ErrorKind.Corrupt)]
    [InlineData("\"size\":", "\"size\":99999999999999999999", ErrorKind.InvalidArgument)]
    public void A_malformed_manifest_is_refused(string old, string replacement, ErrorKind kind)
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        image.EditManifest = text => text.Contains(old, StringComparison.Ordinal) ? text.Replace(old, replacement, StringComparison.Ordinal) : throw new ArgumentException(old);
        rig.Refuses(image.ToLayout(), kind);
    }

    [Theory]
    [InlineData("\"diff_ids\":[", "\"diff_ids\":[\"" + ZeroDigest + "\",", ErrorKind.InvalidArgument)]
    [InlineData("\"diff_ids\":[", "\"diff_ids\":[5,", ErrorKind.InvalidArgument)]
    [InlineData("\"type\":\"layers\"", "\"type\":\"windows\"", ErrorKind.InvalidArgument)]
    [InlineData("\"rootfs\":", "\"fsroot\":", ErrorKind.InvalidArgument)]
    [InlineData("\"os\":\"linux\"", "\"os\":7", ErrorKind.InvalidArgument)]
    [InlineData("\"os\":\"linux\"", "\"os\":\"linux\",\"OS\":\"windows\"", ErrorKind.InvalidArgument)]
    [InlineData("\"diff_ids\":", "\"diff_ids\":null,\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("\"diff_ids\":", "\"diff_ids\":{},\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("\"rootfs\":", "\"rootfs\":[],\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("\"config\":", "\"config\":[],\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("[\"PATH=/bin\"]", "\"PATH=/bin\"", ErrorKind.InvalidArgument)]
    [InlineData("[\"PATH=/bin\"]", "[null]", ErrorKind.InvalidArgument)]
    [InlineData("[\"sh\"]", "[[\"sh\"]]", ErrorKind.InvalidArgument)]
    [InlineData("[\"sh\"]", "{\"0\":\"sh\"}", ErrorKind.InvalidArgument)]
    [InlineData("\"Cmd\":", "\"Labels\":{\"a\":1},\"Cmd\":", ErrorKind.InvalidArgument)]
    [InlineData("\"Cmd\":", "\"Volumes\":[\"/a\"],\"Cmd\":", ErrorKind.InvalidArgument)]
    [InlineData("\"Cmd\":", "\"User\":0,\"Cmd\":", ErrorKind.InvalidArgument)]
    [InlineData("\"history\":[", "\"history\":[5,", ErrorKind.InvalidArgument)]
    [InlineData("\"history\":[", "\"history\":[null,", ErrorKind.InvalidArgument)]
    [InlineData("\"history\":[", "\"history\":[{\"empty_layer\":\"yes\"},", ErrorKind.InvalidArgument)]
    [InlineData("\"history\":", "\"history\":\"none\",\"x\":", ErrorKind.InvalidArgument)]
    [InlineData("\"architecture\"", "\"created\":5,\"architecture\"", ErrorKind.InvalidArgument)]
    [InlineData("{", "", ErrorKind.InvalidArgument)]
    public void A_malformed_config_is_refused(string old, string replacement, ErrorKind kind)
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        image.EditConfig = text => text.Replace(old, replacement, StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), kind);
        rig.Refuses(image.ToDockerArchive("x:1"), kind);
    }

    [Fact]
    public void Sha512_is_compared_where_it_names_a_blob_and_refused_where_it_names_a_tar()
    {
        using var rig = new OciRig();
        string sha512 = "sha512:" + new string('0', 128);
        var image = OciRig.Image("gzip");
        image.EditManifest = text => text.Replace("sha256:" + TestImage.HexOf(image.Blobs[1]), sha512, StringComparison.Ordinal);
        var files = image.ToLayout();
        files["blobs/sha512/" + sha512[7..]] = image.Blobs[1];
        rig.Refuses(files, ErrorKind.Corrupt);
        image.EditManifest = text => text.Replace("sha256:" + TestImage.HexOf(image.Config), sha512, StringComparison.Ordinal);
        files = image.ToLayout();
        files["blobs/sha512/" + sha512[7..]] = image.Config;
        rig.Refuses(files, ErrorKind.Corrupt);
        image.EditManifest = text => text;
        image.EditConfig = text => text.Replace("sha256:" + TestImage.HexOf(image.Tars[1]), sha512, StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), ErrorKind.NotSupported);
    }

    [Fact]
    public void Missing_and_damaged_blobs_are_told()
    {
        using var rig = new OciRig();
        var image = OciRig.Image("gzip");
        foreach (byte[] blob in (byte[][])[image.Manifest, image.Config, image.Blobs[0], image.Blobs[1]])
        {
            string name = "blobs/sha256/" + TestImage.HexOf(blob);
            var files = image.ToLayout();
            files.Remove(name);
            Assert.Contains(TestImage.HexOf(blob), rig.Refuses(files, ErrorKind.NotFound).Message, StringComparison.Ordinal);
            files[name] = blob[..^1];
            rig.Refuses(files, ErrorKind.Corrupt);
            files[name] = [.. blob[..^20], .. new byte[20]];
            rig.Refuses(files, ErrorKind.Corrupt);
        }
        var sized = image.ToLayout();
        sized["blobs/sha256/" + TestImage.HexOf(image.Blobs[0])] = [];
        rig.Refuses(sized, ErrorKind.Corrupt);
    }

    [Fact]
    public void A_layer_under_another_ones_name_is_refused()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        image.EditManifest = text => text
            .Replace(TestImage.HexOf(image.Blobs[0]), "X", StringComparison.Ordinal).Replace(TestImage.HexOf(image.Blobs[1]), TestImage.HexOf(image.Blobs[0]), StringComparison.Ordinal).Replace("X", TestImage.HexOf(image.Blobs[1]), StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), ErrorKind.Corrupt);
        var archive = OciRig.Image().ToDockerArchive("x:1");
        string first = archive.Names[0], second = archive.Names[1];
        (archive[first], archive[second]) = (archive[second], archive[first]);
        rig.Refuses(archive, ErrorKind.Corrupt);
    }

    [Fact]
    public void Absurd_but_honest_values_are_taken_as_what_is_not_there()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        image.EditConfig = text => text.Replace("\"config\":", "\"config\":null,\"x-config\":", StringComparison.Ordinal).Replace("\"history\":", "\"history\":null,\"x-history\":", StringComparison.Ordinal).Replace("\"amd64\"", "\"\"", StringComparison.Ordinal);
        Assert.NotNull(rig.Load(image.ToLayout()).Single().TopLayer);
        image.EditConfig = text => text.Replace("[\"PATH=/bin\"]", "null", StringComparison.Ordinal).Replace("[\"sh\"]", "\"sh\"", StringComparison.Ordinal);
        Assert.NotNull(rig.Load(image.ToLayout()).Single().TopLayer);
        var none = new TestImage { EditConfig = text => text.Replace("\"diff_ids\":[]", "\"diff_ids\":null", StringComparison.Ordinal), EditManifest = text => text.Replace("\"layers\":[]", "\"layers\":null", StringComparison.Ordinal) };
        Assert.Null(rig.Load(none.ToLayout()).Single().TopLayer);
    }

    [Fact]
    public void The_same_blob_may_be_two_layers_but_not_two_things()
    {
        using var rig = new OciRig();
        var same = new TarBuilder().File("a");
        var image = new TestImage().Layer(same).Layer(new TarBuilder().Whiteout("a")).Layer(same);
        var loaded = rig.Load(image.ToLayout()).Single();
        Assert.Equal(3, rig.Store.GetChain(loaded.TopLayer!.Value).Count);
        Assert.Contains("/a ", rig.Dump(loaded), StringComparison.Ordinal);
        rig.Store.RemoveImage(loaded.Manifest);
        image = OciRig.Image();
        image.EditManifest = text => text.Replace(TestImage.HexOf(image.Blobs[1]), TestImage.HexOf(image.Blobs[0]), StringComparison.Ordinal).Replace($"\"size\":{image.Blobs[1].Length}", $"\"size\":{image.Blobs[0].Length}", StringComparison.Ordinal);
        rig.Refuses(image.ToLayout(), ErrorKind.Corrupt);
    }

    [Fact]
    public void Documents_that_are_nested_deep_are_refused()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        string deep = string.Concat(Enumerable.Repeat("[", 100_000)) + string.Concat(Enumerable.Repeat("]", 100_000));
        image.EditConfig = text => text[..^1] + $",\"x\":{deep}}}";
        rig.Refuses(image.ToLayout(), ErrorKind.InvalidArgument);
        rig.Refuses(image.ToDockerArchive("x:1"), ErrorKind.InvalidArgument);
        image.EditConfig = text => text;
        image.EditManifest = text => text[..^1] + $",\"x\":{deep}}}";
        rig.Refuses(image.ToLayout(), ErrorKind.InvalidArgument);
    }

    [Fact]
    public void A_descriptor_that_promises_too_much_is_not_followed()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        int size = image.Manifest.Length;
        rig.Refuses(image.ToLayout().Edit("index.json", $"\"size\":{size}", "\"size\":5000000"), ErrorKind.Exhausted);
        rig.Refuses(image.ToLayout().Edit("index.json", $"\"size\":{size}", $"\"size\":{size + 1}"), ErrorKind.Corrupt);
        rig.Refuses(image.ToLayout().Edit("index.json", $"\"size\":{size}", "\"size\":0"), ErrorKind.Corrupt);
    }

    [Theory]
    [InlineData("application/vnd.cncf.helm.config.v1+json", "Helm chart")]
    [InlineData("application/vnd.dev.cosign.simplesigning.v1+json", "signature")]
    [InlineData("application/vnd.wasm.config.v0+json", "WebAssembly")]
    [InlineData("application/vnd.docker.plugin.v1+json", "Docker plugin")]
    public void What_is_no_image_is_called_by_its_name(string type, string name)
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        image.EditManifest = text => text.Replace(MediaTypes.Config, type, StringComparison.Ordinal);
        Assert.Contains(name, rig.Refuses(image.ToLayout(), ErrorKind.NotSupported).Message, StringComparison.Ordinal);
        var old = OciRig.Image().ToLayout().Edit("index.json", MediaTypes.Manifest, type);
        Assert.Contains(name, rig.Refuses(old, ErrorKind.NotSupported).Message, StringComparison.Ordinal);
        var encrypted = OciRig.Image();
        encrypted.EditManifest = text => text.Replace(MediaTypes.LayerTar, MediaTypes.LayerTar + "+encrypted", StringComparison.Ordinal);
        Assert.Contains("Decrypt", rig.Refuses(encrypted.ToLayout(), ErrorKind.NotSupported).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../../../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("none")]
    public void Links_of_an_archive_lead_nowhere_but_into_it(string target)
    {
        using var rig = new OciRig();
        var files = OciRig.Image().ToDockerArchive("x:1");
        foreach (char type in "12")
        {
            var archive = new TarBuilder();
            foreach (string name in files.Names)
            {
                if (name == files.Names[0])
                    archive.Raw(Encoding.UTF8.GetBytes(name), type, link: target);
                else
                    archive.Raw(Encoding.UTF8.GetBytes(name), '0', content: files[name]);
            }
            File.WriteAllBytes(rig.Scratch["links.tar"], archive.ToArray());
            Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch["links.tar"])).Kind);
        }
        rig.AssertEmpty();
    }

    [Fact]
    public void Documents_that_are_too_large_are_not_read()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        image.EditManifest = text => text[..^1] + $",\"x\":\"{new string('x', 5 << 20)}\"}}";
        rig.Refuses(image.ToLayout(), ErrorKind.Exhausted);
        image.EditManifest = text => text;
        image.EditConfig = text => text[..^1] + $",\"x\":\"{new string('x', 5 << 20)}\"}}";
        rig.Refuses(image.ToLayout(), ErrorKind.Exhausted);
        rig.Refuses(image.ToDockerArchive("x:1"), ErrorKind.Exhausted);
        var files = OciRig.Image().ToLayout();
        files["oci-layout"] = new byte[5 << 20];
        rig.Refuses(files, ErrorKind.Exhausted);
    }

    [Theory]
    [InlineData("{}", ErrorKind.InvalidArgument)]
    [InlineData("{\"imageLayoutVersion\":\"2.0.0\"}", ErrorKind.NotSupported)]
    [InlineData("{\"imageLayoutVersion\":1}", ErrorKind.InvalidArgument)]
    public void A_layout_of_another_version_is_refused(string text, ErrorKind kind)
    {
        using var rig = new OciRig();
        var files = OciRig.Image().ToLayout();
        files["oci-layout"] = Encoding.UTF8.GetBytes(text);
        rig.Refuses(files, kind);
    }

    [Theory]
    [InlineData("[]", ErrorKind.NotFound)]
    [InlineData("{}", ErrorKind.InvalidArgument)]
    [InlineData("[5]", ErrorKind.InvalidArgument)]
    [InlineData("[{}]", ErrorKind.InvalidArgument)]
    [InlineData("[{\"Config\":5,\"Layers\":[]}]", ErrorKind.InvalidArgument)]
    [InlineData("[{\"Config\":\"none.json\",\"Layers\":[]}]", ErrorKind.NotFound)]
    [InlineData("[{\"Config\":\"CONFIG\",\"Layers\":[5]}]", ErrorKind.InvalidArgument)]
    [InlineData("[{\"Config\":\"CONFIG\",\"Layers\":[null]}]", ErrorKind.InvalidArgument)]
    [InlineData("[{\"Config\":\"CONFIG\",\"Layers\":[]}]", ErrorKind.InvalidArgument)]
    [InlineData("[{\"Config\":\"CONFIG\",\"Layers\":[\"a\",\"b\"]}]", ErrorKind.NotFound)]
    [InlineData("[{\"Config\":\"CONFIG\",\"RepoTags\":[7],\"Layers\":[]}]", ErrorKind.InvalidArgument)]
    [InlineData("[{\"Config\":\"CONFIG\",\"RepoTags\":[\"../x\"],\"Layers\":[]}]", ErrorKind.InvalidArgument)]
    public void A_malformed_docker_manifest_is_refused(string text, ErrorKind kind)
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        var files = image.ToDockerArchive("x:1");
        files["manifest.json"] = Encoding.UTF8.GetBytes(text.Replace("CONFIG", TestImage.HexOf(image.Config) + ".json", StringComparison.Ordinal));
        rig.Refuses(files, kind);
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../outside")]
    [InlineData("a/../../outside")]
    public void Files_outside_the_image_are_not_reached(string name)
    {
        using var rig = new OciRig();
        File.WriteAllBytes(rig.Scratch["outside"], OciRig.Image().Tars[0]);
        var files = OciRig.Image().ToDockerArchive("x:1");
        files.Edit("manifest.json", files.Names[0], name);
        Assert.ThrowsAny<StrataException>(() => rig.Load(files));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(files.WriteFolder(rig.Scratch["folder"]))).Kind);
        rig.AssertEmpty();
    }

    [Fact]
    public void Links_in_a_folder_are_not_followed()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        string folder = image.ToLayout().WriteFolder(rig.Scratch["folder"]);
        string blob = Path.Combine(folder, "blobs/sha256", TestImage.HexOf(image.Blobs[0]));
        File.Move(blob, rig.Scratch["moved"]);
        File.CreateSymbolicLink(blob, rig.Scratch["moved"]);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(folder)).Kind);
        File.Delete(blob);
        File.Move(rig.Scratch["moved"], blob);
        Directory.Move(Path.Combine(folder, "blobs"), rig.Scratch["blobs"]);
        Directory.CreateSymbolicLink(Path.Combine(folder, "blobs"), rig.Scratch["blobs"]);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(folder)).Kind);
        rig.AssertEmpty();
        Directory.Delete(Path.Combine(folder, "blobs"));
        Directory.Move(rig.Scratch["blobs"], Path.Combine(folder, "blobs"));
        Directory.CreateSymbolicLink(rig.Scratch["link"], folder); // what the user named may be a link
        Assert.Single(rig.Load(rig.Scratch["link"]));
    }

    [Fact]
    public void A_fifo_in_a_folder_does_not_block()
    {
        using var rig = new OciRig();
        string folder = OciRig.Image().ToLayout().WriteFolder(rig.Scratch["folder"]);
        File.Delete(Path.Combine(folder, "index.json"));
        Commands.Run("mkfifo", Path.Combine(folder, "index.json"));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(folder)).Kind);
        rig.AssertEmpty();
    }

    [Fact]
    public void Links_in_a_tar_that_go_in_circles_end()
    {
        using var rig = new OciRig();
        File.WriteAllBytes(rig.Scratch["loop.tar"], new TarBuilder().Symlink("manifest.json", "other").Symlink("other", "manifest.json").ToArray());
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch["loop.tar"])).Kind);
    }

    [Fact]
    public void A_truncated_archive_is_told()
    {
        using var rig = new OciRig();
        byte[] whole = OciRig.Image().ToLayout().ToTar();
        for (int length = 600; length < whole.Length - 1024; length += 700)
        {
            File.WriteAllBytes(rig.Scratch["cut.tar"], whole[..length]);
            Assert.ThrowsAny<StrataException>(() => rig.Load(rig.Scratch["cut.tar"]));
            Assert.ThrowsAny<StrataException>(() => new ImageLoader(rig.Store).Load(new MemoryStream(whole[..length]), "standard input"));
        }
        rig.AssertEmpty();
    }
}
