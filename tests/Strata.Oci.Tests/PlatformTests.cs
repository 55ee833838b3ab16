using System.Text;
using Strata.Testing;

namespace Strata.Oci.Tests;

public sealed class PlatformTests
{
    private const string Attestation = """{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":5,"platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}""";

    /// <summary>As containerd's platforms package normalises and matches.</summary>
    [Theory]
    [InlineData("linux/amd64", "linux/amd64 linux/386")]
    [InlineData("x86_64", "linux/amd64 linux/386")]
    [InlineData("linux/amd64/v1", "linux/amd64 linux/386")]
    [InlineData("linux/amd64/v3", "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386")]
    [InlineData("aarch64", "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5")]
    [InlineData("linux/arm64/v8", "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5")]
    [InlineData("linux/arm64/v9", "linux/arm64/v9 linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5")]
    [InlineData("linux/arm", "linux/arm/v7 linux/arm/v6 linux/arm/v5")]
    [InlineData("armhf", "linux/arm/v7 linux/arm/v6 linux/arm/v5")]
    [InlineData("armel", "linux/arm/v6 linux/arm/v5")]
    [InlineData("linux/arm/5", "linux/arm/v5")]
    [InlineData("linux/s390x", "linux/s390x")]
    [InlineData("windows/amd64", "windows/amd64 windows/386")]
    public void What_a_platform_can_use_is_tried_in_order(string text, string usable) =>
        Assert.Equal(usable, string.Join(' ', Platform.Parse(text).Usable()));

    [Theory, InlineData(""), InlineData("/"), InlineData("linux/"), InlineData("a/b/c/d"), InlineData("li nux/amd64"), InlineData("linux/../x")]
    public void What_is_no_platform_is_refused(string text)
    {
        using var rig = new OciRig();
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Load(OciRig.Image().ToLayout(), new LoadOptions { Platform = text })).Kind);
    }

    [Theory]
    [InlineData("linux/arm64", "linux/arm/v6 linux/arm/v7 linux/amd64", null)] // asked for: no other architecture
    [InlineData("linux/arm/v7", "linux/arm/v5 linux/arm/v6 linux/arm/v8", "linux/arm/v6")]
    [InlineData("linux/arm/v7", "linux/arm/v6 linux/arm", "linux/arm/v7")] // arm alone is v7
    [InlineData("linux/amd64/v2", "linux/amd64/v3 linux/amd64", "linux/amd64")]
    [InlineData("linux/amd64", "linux/amd64/v2 linux/386", null)]
    [InlineData("linux/arm64/v8", "linux/arm64", "linux/arm64")]
    public void The_best_of_what_fits_is_loaded(string asked, string listed, string? chosen)
    {
        using var rig = new OciRig();
        var (files, _) = Index([.. listed.Split(' ')]);
        var options = new LoadOptions { Name = "m:1", Platform = asked };
        if (chosen is null)
            Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Load(files, options)).Kind);
        else
            Assert.Equal(chosen, rig.Load(files, options).Single().Platform);
    }

    [Fact]
    public void A_platform_that_only_the_config_tells_is_found()
    {
        using var rig = new OciRig();
        var (files, images) = Index(["linux/s390x", "linux/riscv64"]);
        files["index.json"] = TestImage.Index([.. images.Select(i => i.Entry())]);
        Assert.Equal("linux/riscv64", rig.Load(files, new LoadOptions { Name = "m:1", Platform = "linux/riscv64" }).Single().Platform);
        Assert.Contains("linux/s390x", Assert.ThrowsAny<StrataException>(() => rig.Load(files, new LoadOptions { Platform = "linux/mips64" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_for_another_platform_alone_is_loaded_unless_one_was_asked_for()
    {
        using var rig = new OciRig();
        var (files, _) = Index(["linux/s390x"]);
        Assert.Equal("linux/s390x", rig.Load(files).Single().Platform);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Load(files, new LoadOptions { Platform = "linux/amd64" })).Kind);
    }

    [Fact]
    public void All_platforms_come_and_go_together_and_the_index_with_them()
    {
        using var rig = new OciRig();
        var (files, images) = Index(["linux/s390x", Platform.Host.ToString(), "linux/riscv64"]);
        byte[] index = files["index.json"];
        files["index.json"] = TestImage.Index(Entry(files, index, "\"io.containerd.image.name\":\"localhost/multi:1\""));
        var loaded = rig.Load(files, new LoadOptions { AllPlatforms = true });
        Assert.Equal([Platform.Host.ToString(), "linux/s390x", "linux/riscv64"], loaded.Select(i => i.Platform!));
        Assert.Equal(["localhost/multi:1"], loaded[0].Names);
        var kept = rig.Store.FindIndex("localhost/multi:1")!;
        Assert.Equal(index, rig.Store.ReadBlob(kept.Digest));
        Assert.Equal(images[2].Id, ImageNames.Get(rig.Store, "multi:1", "linux/riscv64").Config.ToString());
        Assert.Equal(images[1].Id, ImageNames.Get(rig.Store, "multi:1").Config.ToString());
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => ImageNames.Get(rig.Store, "multi:1", "linux/mips64")).Kind);

        // The index, its images and their annotations come back byte for byte.
        byte[] saved = Save(rig, new SaveOptions { AllPlatforms = true }, loaded[0]);
        using var other = new OciRig("vfs");
        File.WriteAllBytes(other.Scratch["saved.tar"], saved);
        var again = other.Load(other.Scratch["saved.tar"], new LoadOptions { AllPlatforms = true });
        Assert.Equal(loaded.Select(i => i.Manifest), again.Select(i => i.Manifest));
        Assert.Equal(kept.Digest, other.Store.FindIndex("localhost/multi:1")!.Digest);
        Assert.Equal(saved, Save(other, new SaveOptions { AllPlatforms = true }, again[0]));

        rig.Store.RemoveImage(loaded[0].Manifest);
        rig.AssertEmpty();
        Assert.Empty(rig.Store.ListIndexes());
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Store.Root, "blobs/sha256")));
    }

    [Theory, InlineData(SaveCompression.None), InlineData(SaveCompression.Zstd)]
    public void An_index_whose_manifests_change_keeps_all_else(SaveCompression compression)
    {
        using var rig = new OciRig();
        var (files, _) = Index(["linux/s390x", "linux/riscv64"], "gzip");
        string text = Encoding.UTF8.GetString(files["index.json"]).Replace("\"manifests\"", "\"annotations\":{\"index\":\"kept\"},\"manifests\"", StringComparison.Ordinal)
            .Replace("\"architecture\":\"s390x\"}", "\"architecture\":\"s390x\",\"os.version\":\"7\"},\"annotations\":{\"entry\":\"kept\"}", StringComparison.Ordinal)
            .Replace("]}", "," + Attestation + "]}", StringComparison.Ordinal);
        byte[] inner = Encoding.UTF8.GetBytes(text);
        byte[] outer = TestImage.Index(Entry(files, inner, "\"outer\":\"kept\""));
        files["index.json"] = TestImage.Index(Entry(files, outer));
        var loaded = rig.Load(files, new LoadOptions { AllPlatforms = true, Platform = "linux/riscv64" });
        Assert.Equal("linux/riscv64", loaded[0].Platform);
        Assert.Equal(2, loaded.Length);
        File.WriteAllBytes(rig.Scratch["saved.tar"], Save(rig, new SaveOptions { AllPlatforms = true, Compression = compression, Format = SaveFormat.Oci }, loaded[0]));
        using var other = new OciRig("vfs");
        var again = other.Load(rig.Scratch["saved.tar"], new LoadOptions { AllPlatforms = true, Platform = "linux/riscv64" });
        Assert.Equal(loaded.Select(i => i.Config), again.Select(i => i.Config));
        var index = other.Store.ListIndexes().Single();
        Assert.Equal(2, index.Documents.Count);
        string documents = string.Concat(index.Documents.Select(d => Encoding.UTF8.GetString(other.Store.ReadBlob(d))));
        foreach (string kept in new[] { "\"index\":\"kept\"", "\"entry\":\"kept\"", "\"outer\":\"kept\"", "\"os.version\":\"7\"" })
            Assert.Contains(kept, documents, StringComparison.Ordinal);
        Assert.DoesNotContain("attestation", documents, StringComparison.Ordinal); // it is not in the store, and can't come back
        Assert.Contains("\"layer\":\"kept\"", Encoding.UTF8.GetString(other.Store.ReadBlob(again[0].Manifest)), StringComparison.Ordinal);
    }

    [Fact]
    public void Platforms_that_are_not_there_are_told()
    {
        using var rig = new OciRig();
        var (files, _) = Index(["linux/s390x", "linux/riscv64"]);
        byte[] index = files["index.json"];
        files["index.json"] = TestImage.Index(Entry(files, index, "\"io.containerd.image.name\":\"localhost/multi:1\""));
        var one = rig.Load(files, new LoadOptions { Platform = "linux/s390x" }).Single();
        var e = Assert.ThrowsAny<StrataException>(() => Save(rig, new SaveOptions { AllPlatforms = true }, one));
        Assert.Equal(ErrorKind.NotFound, e.Kind);
        Assert.Contains("linux/riscv64", e.Message, StringComparison.Ordinal);
        rig.Load(files, new LoadOptions { Platform = "linux/riscv64" });
        Assert.NotEmpty(Save(rig, new SaveOptions { AllPlatforms = true }, rig.Store.FindImage("localhost/multi:1")!));
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => Save(rig, new SaveOptions { AllPlatforms = true, Format = SaveFormat.DockerArchive }, one)).Kind);
        var plain = rig.Load(OciRig.Image().ToLayout()).Single();
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => Save(rig, new SaveOptions { AllPlatforms = true }, plain)).Kind);
    }

    [Fact]
    public void One_damaged_platform_and_none_of_them_is_there()
    {
        using var rig = new OciRig();
        var (files, images) = Index(["linux/s390x", "linux/riscv64"]);
        files["blobs/sha256/" + TestImage.HexOf(images[1].Blobs[1])] = new byte[images[1].Blobs[1].Length];
        rig.Refuses(files, ErrorKind.Corrupt, new LoadOptions { Name = "m:1", AllPlatforms = true });
        files.Remove("blobs/sha256/" + TestImage.HexOf(images[1].Manifest));
        rig.Refuses(files, ErrorKind.NotFound, new LoadOptions { Name = "m:1", AllPlatforms = true });
        Assert.Single(rig.Load(files, new LoadOptions { Name = "m:1", Platform = "linux/s390x" })); // a layout may lack platforms that nobody asks for
    }

    [Fact]
    public void Indexes_that_list_each_other_many_times_over_are_read_once()
    {
        using var rig = new OciRig();
        var image = OciRig.Image();
        var files = image.ToLayout();
        string entry = image.Entry(platform: true);
        for (int depth = 0; depth < IndexDepth; depth++)
            entry = string.Join(',', Enumerable.Repeat(Entry(files, TestImage.Index(entry)), 200));
        files["index.json"] = TestImage.Index(entry);
        Assert.Equal(image.Id, rig.Load(files).Single().Config.ToString());
        files["index.json"] = TestImage.Index([.. Enumerable.Repeat(image.Entry(platform: true), 10_001)]);
        rig.Store.RemoveImage(rig.Store.ListImages()[0].Manifest);
        rig.Refuses(files, ErrorKind.Exhausted);
        files["index.json"] = TestImage.Index([.. Enumerable.Range(0, 101).Select(i => Entry(files, TestImage.Index(image.Entry($"\"n\":\"{i}\""))))]);
        rig.Refuses(files, ErrorKind.Exhausted);
    }

    private const int IndexDepth = 4;

    /// <summary>A layout whose index.json lists an image for each platform, the upper layer annotated.</summary>
    private static (ImageFiles Files, TestImage[] Images) Index(string[] platforms, string compression = "none")
    {
        var files = OciRig.Image().ToLayout();
        foreach (string name in files.Names.Where(n => n.StartsWith("blobs/", StringComparison.Ordinal)).ToArray())
            files.Remove(name);
        var images = platforms.Select(platform =>
        {
            string[] parts = platform.Split('/');
            var image = new TestImage { Architecture = parts[1] }
                .Layer(new TarBuilder().File("shared"), compression)
                .Layer(new TarBuilder().File(platform.Replace('/', '-')), compression);
            image.EditConfig = text => text.Replace("\"os\":\"linux\"", $"\"os\":\"{parts[0]}\"{(parts.Length > 2 ? $",\"variant\":\"{parts[2]}\"" : "")}", StringComparison.Ordinal);
            image.EditManifest = text => text[..^3] + ",\"annotations\":{\"layer\":\"kept\"}}]}";
            image.AddTo(files);
            return image;
        }).ToArray();
        files["index.json"] = TestImage.Index([.. images.Zip(platforms, (image, platform) =>
        {
            string[] parts = platform.Split('/');
            return image.Entry()[..^1] + $",\"platform\":{{\"os\":\"{parts[0]}\",{(parts.Length > 2 ? $"\"variant\":\"{parts[2]}\"," : "")}\"architecture\":\"{parts[1]}\"}}}}";
        })]);
        return (files, images);
    }

    private static string Entry(ImageFiles files, byte[] index, string? annotations = null) =>
        $$"""{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{{files.AddBlob(index)}}","size":{{index.Length}}{{(annotations is null ? "" : $",\"annotations\":{{{annotations}}}")}}}""";

    private static byte[] Save(OciRig rig, SaveOptions options, params Strata.Store.ImageRecord[] images)
    {
        using var tar = new MemoryStream();
        ImageSaver.Save(rig.Store, images, tar, options, TestContext.Current.CancellationToken);
        return tar.ToArray();
    }
}
