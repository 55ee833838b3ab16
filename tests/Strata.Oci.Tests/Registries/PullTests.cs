using System.Text;
using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

public sealed class PullTests(DebianRegistry registry) : IClassFixture<DebianRegistry>
{
    [Theory]
    [InlineData("overlay", "gzip")]
    [InlineData("overlay", "zstd")]
    [InlineData("vfs", "none")]
    public async Task An_image_is_pulled_by_tag_and_by_digest(string driver, string compression)
    {
        using var rig = new RegistryRig(driver);
        var image = RegistryRig.Image(1, layers: 5, compression: compression);
        registry.Put(image, $"some/{driver}-{compression}", "1");
        string name = $"{registry.Host}/some/{driver}-{compression}";
        var pulled = await rig.PullAsync(name + ":1");
        rig.AssertIs(image, pulled);
        Assert.Equal([name + ":1"], pulled.Names);
        Assert.Equal("sha256:" + TestImage.HexOf(image.Manifest), pulled.Manifest.ToString());
        var again = await rig.PullAsync($"{name}@{pulled.Manifest}", new LoadOptions { Name = "other:2" });
        Assert.Equal([name + ":1", "other:2"], again.Names);
    }

    [Fact]
    public async Task Layers_that_are_there_are_not_fetched_and_a_layer_that_occurs_twice_is_fetched_twice()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(2, layers: 2);
        registry.Put(image, "known", "1");
        using var proxy = new FaultyProxy(registry.Port, _ => null);
        await rig.PullAsync($"{proxy.Host}/known:1");
        Assert.Equal(3, proxy.Requests.Count(r => r.Path.Contains("/blobs/", StringComparison.Ordinal)));
        await rig.PullAsync($"{proxy.Host}/known:1", new LoadOptions { Name = "again:1" });
        Assert.Equal(4, proxy.Requests.Count(r => r.Path.Contains("/blobs/", StringComparison.Ordinal)));

        var tar = new TarBuilder().Dir("./").File("a", "a");
        var twice = new TestImage().Layer(tar, "gzip").Layer(new TarBuilder().Whiteout("a"), "gzip").Layer(tar, "gzip");
        registry.Put(twice, "twice", "1");
        rig.AssertIs(twice, await rig.PullAsync($"{registry.Host}/twice:1"));
    }

    [Fact]
    public async Task Of_an_index_the_wanted_platform_is_pulled()
    {
        using var rig = new RegistryRig();
        var here = RegistryRig.Image(3, layers: 1);
        var there = new TestImage { Architecture = "s390x" }.Layer(new TarBuilder().File("z", "z"), "gzip");
        using var client = new HttpClient();
        string url = $"http://{registry.Host}";
        DebianRegistry.Seed.Put(url, here, "many", "here", client);
        DebianRegistry.Seed.Put(url, there, "many", "there", client);
        DebianRegistry.Seed.Manifest(client, url, "many", "1", TestImage.Index(here.Entry(platform: true), there.Entry(platform: true)), MediaTypes.Index);
        rig.AssertIs(here, await rig.PullAsync($"{registry.Host}/many:1"));
        rig.AssertIs(there, await rig.PullAsync($"{registry.Host}/many:1", new LoadOptions { Platform = "linux/s390x" }));
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => rig.PullAsync($"{registry.Host}/many:1", new LoadOptions { Platform = "linux/riscv64" }));
        Assert.Equal(ErrorKind.NotFound, e.Kind);
    }

    [Fact]
    public async Task Docker_s_media_types_are_pulled()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(4, layers: 2);
        image.EditManifest = text => text.Replace(MediaTypes.Manifest, "application/vnd.docker.distribution.manifest.v2+json", StringComparison.Ordinal)
            .Replace(MediaTypes.Config, "application/vnd.docker.container.image.v1+json", StringComparison.Ordinal)
            .Replace(MediaTypes.LayerGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip", StringComparison.Ordinal);
        using var client = new HttpClient();
        string url = $"http://{registry.Host}";
        foreach (byte[] blob in image.Blobs.Append(image.Config))
            DebianRegistry.Seed.Blob(client, url, "dockers", blob);
        DebianRegistry.Seed.Manifest(client, url, "dockers", "1", image.Manifest, "application/vnd.docker.distribution.manifest.v2+json");
        rig.AssertIs(image, await rig.PullAsync($"{registry.Host}/dockers:1"));
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_and_a_registry_that_is_not_there_is_unavailable()
    {
        using var rig = new RegistryRig();
        await rig.RefusesAsync(ErrorKind.NotFound, $"{registry.Host}/nothing:1");
        await rig.RefusesAsync(ErrorKind.InvalidArgument, "no-host:1");
        using (var closed = new FaultyProxy(registry.Port, _ => null))
            rig.Configure($$"""{"default":"{{closed.Host}}"}""");
        var e = await rig.RefusesAsync(ErrorKind.Unavailable, "no-host:1");
        Assert.Contains("can't be reached", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_artifact_is_refused()
    {
        using var rig = new RegistryRig();
        byte[] config = "{}"u8.ToArray();
        using var client = new HttpClient();
        string url = $"http://{registry.Host}";
        DebianRegistry.Seed.Blob(client, url, "artifact", config);
        byte[] manifest = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.Manifest}}","config":{{TestImage.Descriptor("application/vnd.example.thing", config)}},"layers":[]}""");
        DebianRegistry.Seed.Manifest(client, url, "artifact", "1", manifest, MediaTypes.Manifest);
        await rig.RefusesAsync(ErrorKind.NotSupported, $"{registry.Host}/artifact:1");
    }

    [Fact]
    public async Task Mirrors_are_asked_first_and_the_registry_when_they_fail()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(5, layers: 2);
        registry.Put(image, "cache/mirrored", "1");
        using var good = new FaultyProxy(registry.Port, _ => null);
        rig.Configure($$"""{"registries":{"far.example:5000":{"mirrors":["{{good.Host}}/cache"] } } }""");
        var pulled = await rig.PullAsync("far.example:5000/mirrored:1");
        rig.AssertIs(image, pulled);
        Assert.Equal(["far.example:5000/mirrored:1"], pulled.Names);

        using var other = new RegistryRig();
        registry.Put(image, "mirrored", "1");
        using var bad = new FaultyProxy(registry.Port, s => s.Path.Contains("/blobs/", StringComparison.Ordinal) ? new Fault { CorruptAt = 5000 } : null);
        using var itself = new FaultyProxy(registry.Port, _ => null);
        other.Configure($$"""{"registries":{"{{itself.Host}}":{"mirrors":["{{bad.Host}}", "{{good.Host}}/nowhere"] } } }""");
        other.AssertIs(image, await other.PullAsync($"{itself.Host}/mirrored:1"));
        Assert.Contains(bad.Requests, r => r.Path.Contains("/blobs/", StringComparison.Ordinal));
        Assert.Contains(itself.Requests, r => r.Path.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Many_layers_and_slow_unpacking_give_the_same_image()
    {
        // More layers than downloads at once, larger together than what is kept in memory, unpacked one after the other.
        using var rig = new RegistryRig("vfs");
        rig.Options = rig.Options with { Parallel = 3 };
        var image = RegistryRig.Image(6, layers: 8, bytes: 2_500_000, compression: "none");
        registry.Put(image, "large", "1");
        rig.AssertIs(image, await rig.PullAsync($"{registry.Host}/large:1"));
    }
}
