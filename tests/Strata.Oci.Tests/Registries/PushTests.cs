using Strata.Oci.Registries;
using Strata.Store;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

public sealed class PushTests(DebianRegistry registry) : IClassFixture<DebianRegistry>
{
    private static Task<PushResult> PushAsync(RegistryRig rig, ImageRecord image, string to, PushOptions? push = null) =>
        new ImagePusher(rig.Store, rig.Options).PushAsync(image, to, push, TestContext.Current.CancellationToken);

    [Fact]
    public async Task What_the_registry_has_is_mounted_or_left_and_the_manifest_stays()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(50, bytes: 10_000);
        registry.Put(image, "origin/box", "1");
        var pulled = await rig.PullAsync($"{registry.Host}/origin/box:1");
        var pushed = await PushAsync(rig, pulled, $"{registry.Host}/copied/box:2");
        Assert.Equal((true, 0, 3, 0), (pushed.KeptManifest, pushed.Present, pushed.Mounted, pushed.Sent));
        Assert.Equal(pulled.Manifest, pushed.Manifest);
        pushed = await PushAsync(rig, pulled, $"{registry.Host}/copied/box:3");
        Assert.Equal((true, 3, 0, 0), (pushed.KeptManifest, pushed.Present, pushed.Mounted, pushed.Sent));
        using var other = new RegistryRig();
        Assert.Equal(pulled.Manifest, (await other.PullAsync($"{registry.Host}/copied/box:3")).Manifest);
    }

    [Theory]
    [InlineData(PushCompression.Gzip, "overlay")]
    [InlineData(PushCompression.Zstd, "vfs")]
    [InlineData(PushCompression.None, "overlay")]
    public async Task Layers_are_compressed_while_they_are_sent_and_the_image_s_ID_stays(PushCompression compression, string driver)
    {
        using var rig = new RegistryRig(driver);
        var image = RegistryRig.Image(51, bytes: 400_000, compression: compression == PushCompression.Gzip ? "zstd" : "gzip");
        var loaded = rig.Oci.Load(image.ToLayout()).Single();
        string to = $"{registry.Host}/sent/{compression.ToString().ToLowerInvariant()}:1";
        var told = new List<ProgressReport>();
        var pushed = await PushAsync(rig, loaded, to, new PushOptions { Compression = compression, Progress = new Listener(told) });
        Assert.Equal((false, 3, 0), (pushed.KeptManifest, pushed.Sent, pushed.Present));
        Assert.NotEqual(loaded.Manifest, pushed.Manifest);
        Assert.Equal(3, told.Count(t => t.DoneBytes == t.TotalBytes));
        using var other = new RegistryRig();
        var back = await other.PullAsync(to);
        other.AssertIs(image, back);
        Assert.Equal(pushed.Manifest, back.Manifest);
        var types = Manifest.Parse(other.Store.ReadBlob(back.Manifest), "manifest").Layers.Select(l => l.MediaType).Distinct();
        Assert.Equal([MediaTypes.LayerTar + compression switch { PushCompression.Gzip => "+gzip", PushCompression.Zstd => "+zstd", _ => "" }], types);

        // A second push sends nothing: it knows what the first one made.
        pushed = await PushAsync(rig, loaded, to, new PushOptions { Compression = compression });
        Assert.Equal((false, 0, 3), (pushed.KeptManifest, pushed.Sent, pushed.Present));
        Assert.Equal(back.Manifest, pushed.Manifest);
    }

    [Fact]
    public async Task Plain_layers_can_be_sent_as_they_are_under_their_own_manifest()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(52, layers: 2, bytes: 10_000, compression: "none");
        var loaded = rig.Oci.Load(image.ToLayout()).Single();
        var pushed = await PushAsync(rig, loaded, $"{registry.Host}/plain:1", new PushOptions { Compression = PushCompression.None });
        Assert.Equal((true, 2), (pushed.KeptManifest, pushed.Sent));
        Assert.Equal(loaded.Manifest, pushed.Manifest);
    }

    [Fact]
    public async Task A_committed_image_sends_its_new_layer_alone()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(53, bytes: 10_000);
        registry.Put(image, "base", "1");
        var pulled = await rig.PullAsync($"{registry.Host}/base:1");
        rig.Store.CreateWritable("box", pulled.TopLayer, pulled.Manifest);
        await File.WriteAllTextAsync(Path.Combine(rig.Store.Mount("box"), "new"), "new", TestContext.Current.CancellationToken);
        rig.Store.Unmount("box");
        var committed = ImageCommitter.Commit(rig.Store, "box", "changed:1");
        var pushed = await PushAsync(rig, committed, $"{registry.Host}/changed:1");
        Assert.Equal((false, 3, 1), (pushed.KeptManifest, pushed.Mounted, pushed.Sent));
        using var other = new RegistryRig();
        var back = await other.PullAsync($"{registry.Host}/changed:1");
        Assert.Equal(committed.Config, back.Config);
        Assert.Equal(4, other.Store.GetChain(back.TopLayer!.Value).Count);
    }

    [Fact]
    public async Task Uploads_that_are_cut_or_refused_for_a_while_are_tried_again()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(54, layers: 2, bytes: 200_000);
        var loaded = rig.Oci.Load(image.ToLayout()).Single();
        int patches = 0, puts = 0;
        using var proxy = new FaultyProxy(registry.Port, s => s.Method switch
        {
            "PATCH" when patches++ < 2 => new Fault { Answer = patches == 1 ? "" : FaultyProxy.Answer("503 Busy") },
            "PUT" when s.Path.Contains("/manifests/", StringComparison.Ordinal) && puts++ == 0 => new Fault { Answer = FaultyProxy.Answer("500 Oh") },
            _ => null,
        });
        var pushed = await PushAsync(rig, loaded, $"{proxy.Host}/cut:1");
        Assert.Equal(2, pushed.Sent);
        Assert.Equal(4, patches);
        using var other = new RegistryRig();
        other.AssertIs(image, await other.PullAsync($"{registry.Host}/cut:1"));
    }

    [Fact]
    public async Task A_registry_that_says_it_stored_something_else_is_not_believed()
    {
        using var rig = new RegistryRig();
        var loaded = rig.Oci.Load(RegistryRig.Image(55, layers: 1, bytes: 1000).ToLayout()).Single();
        using var proxy = new FaultyProxy(registry.Port, s => s.Method == "PUT" && s.Path.Contains("/manifests/", StringComparison.Ordinal)
            ? new Fault { Answer = FaultyProxy.Answer("201 Created", "", "Docker-Content-Digest: sha256:" + new string('a', 64)) } : null);
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => PushAsync(rig, loaded, $"{proxy.Host}/lied:1"));
        Assert.Equal(ErrorKind.Corrupt, e.Kind);
        // Nor one that wants the layers somewhere else than it may.
        using var elsewhere = new FaultyProxy(registry.Port, s => s.Method == "POST" ? new Fault { Answer = FaultyProxy.Answer("202 Accepted", "", "Location: http://169.254.169.254/take") } : null);
        e = await Assert.ThrowsAnyAsync<StrataException>(() => PushAsync(rig, loaded, $"{elsewhere.Host}/else/lied:2"));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
    }

    [Fact]
    public async Task A_layer_that_can_t_be_given_back_ends_the_push()
    {
        using var rig = new RegistryRig();
        var loaded = rig.Oci.Load(RegistryRig.Image(56, layers: 1, bytes: 300_000).ToLayout()).Single();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(rig.Store.Root, "overlay"), "file0", SearchOption.AllDirectories))
            await File.WriteAllBytesAsync(file, new byte[300_000], TestContext.Current.CancellationToken);
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => PushAsync(rig, loaded, $"{registry.Host}/damaged:1"));
        Assert.Equal(ErrorKind.Corrupt, e.Kind);
        using var other = new RegistryRig();
        await other.RefusesAsync(ErrorKind.NotFound, $"{registry.Host}/damaged:1");
    }

    private sealed class Listener(List<ProgressReport> told) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value)
        {
            lock (told)
                told.Add(value);
        }
    }
}
