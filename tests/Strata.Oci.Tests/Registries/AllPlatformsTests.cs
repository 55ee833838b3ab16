using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>Multi-platform images out to a registry and back, whole.</summary>
public sealed class AllPlatformsTests(DebianRegistry registry) : IClassFixture<DebianRegistry>
{
    [Theory, InlineData(PushCompression.None), InlineData(PushCompression.Zstd)]
    public async Task All_platforms_are_pushed_and_pulled_with_their_index(PushCompression compression)
    {
        using var rig = new RegistryRig();
        var here = RegistryRig.Image(80, layers: 2, bytes: 20_000, compression: "none");
        var there = new TestImage { Architecture = "s390x" }.Layer(new TarBuilder().File("z", "z")).Layer(new TarBuilder().File("y", "y"));
        var files = new ImageFiles { ["oci-layout"] = "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray() };
        here.AddTo(files);
        there.AddTo(files);
        byte[] inner = TestImage.Index(here.Entry(platform: true), there.Entry(platform: true));
        files[$"blobs/sha256/{TestImage.HexOf(inner)}"] = inner;
        files["index.json"] = TestImage.Index(TestImage.Descriptor(MediaTypes.Index, inner)[..^1] + ",\"annotations\":{\"io.containerd.image.name\":\"localhost/multi:1\"}}");
        var loaded = rig.Oci.Load(files, new LoadOptions { AllPlatforms = true });
        Assert.Equal(2, loaded.Length);
        string to = $"{registry.Host}/all/{compression.ToString().ToLowerInvariant()}:1";
        var push = new PushOptions { Compression = compression };
        var pushed = await new ImagePusher(rig.Store, rig.Options).PushAllPlatformsAsync(loaded[0], to, push, TestContext.Current.CancellationToken);
        Assert.Equal((compression == PushCompression.None, 4, 0), (pushed.KeptManifest, pushed.Sent, pushed.Present));
        Assert.Equal(compression == PushCompression.None, pushed.Manifest.Hex == TestImage.HexOf(inner));

        using var other = new RegistryRig("erofs");
        var pulled = await new ImagePuller(other.Store, other.Options).PullImagesAsync(to, new LoadOptions { AllPlatforms = true }, TestContext.Current.CancellationToken);
        Assert.Equal([here.Id, there.Id], pulled.Select(image => image.Config.ToString()));
        other.AssertIs(here, pulled[0]);
        other.AssertIs(there, pulled[1]);
        Assert.Equal(pushed.Manifest, other.Store.FindIndex(to)!.Digest);
        Assert.Equal(to, Assert.Single(pulled[0].Names));

        // Again: nothing is sent, and it is the same.
        var again = await new ImagePusher(rig.Store, rig.Options).PushAllPlatformsAsync(loaded[0], to, push, TestContext.Current.CancellationToken);
        Assert.Equal((0, 4, pushed.Manifest), (again.Sent, again.Present, again.Manifest));
        var one = await other.PullAsync(to, new LoadOptions { Platform = "linux/s390x" });
        Assert.Equal(there.Id, one.Config.ToString());
    }

    [Fact]
    public async Task Of_an_image_without_an_index_or_with_platforms_missing_it_is_refused_before_anything_is_sent()
    {
        using var rig = new RegistryRig();
        var image = rig.Oci.Load(RegistryRig.Image(81, layers: 1, bytes: 1000).ToLayout()).Single();
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => new ImagePusher(rig.Store, rig.Options).PushAllPlatformsAsync(image, $"{registry.Host}/alone:1", null, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
    }
}
