using Strata.Store;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>A layer's blob is had again from where it came.</summary>
public sealed class OriginTests(DebianRegistry registry) : IClassFixture<DebianRegistry>
{
    private static byte[] ReadAll(OriginReader reader, LayerOrigin origin)
    {
        using var stream = reader.Open(origin, TestContext.Current.CancellationToken);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    [Fact]
    public async Task From_a_registry()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(60, layers: 2, bytes: 200_000);
        registry.Put(image, "from/here", "1");
        bool corrupt = false;
        using var proxy = new FaultyProxy(registry.Port, s => !corrupt || !s.Path.Contains("/blobs/", StringComparison.Ordinal) ? null : new Fault { CorruptAt = 1000 });
        var pulled = await rig.PullAsync($"{proxy.Host}/from/here:1");
        var reader = new OriginReader(rig.Store, rig.Options);
        var layers = rig.Store.GetChain(pulled.TopLayer!.Value).Reverse().ToArray();
        for (int i = 0; i < layers.Length; i++)
        {
            var origin = Assert.Single(reader.Find(layers[i]));
            Assert.Equal((layers[i].BlobDigest, layers[i].BlobBytes), (origin.Blob, origin.BlobBytes));
            Assert.StartsWith($"registry:{proxy.Host}/from/here@sha256:", origin.Place, StringComparison.Ordinal);
            Assert.Equal(image.Blobs[i], ReadAll(reader, origin));
        }
        corrupt = true;
        var found = reader.Find(layers[0])[0];
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => ReadAll(reader, found)).Kind);
        var gone = found with { Place = $"registry:{registry.Host}/no/where@{found.Blob}" };
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => ReadAll(reader, gone)).Kind);
        Assert.Equal(ErrorKind.NotSupported, Assert.ThrowsAny<StrataException>(() => ReadAll(reader, found with { Place = "tape:7" })).Kind);

        rig.Store.RemoveImage(pulled.Manifest);
        Assert.Empty(rig.Store.ListOrigins(layers[0].DiffId));
        Assert.False(rig.Store.AddOrigin(layers[0].DiffId, found));
    }

    [Fact]
    public void From_folders_and_tars_with_any_names()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(61, layers: 1, bytes: 5000);
        var reader = new OriginReader(rig.Store, rig.Options);
        string folder = image.ToLayout().WriteFolder(rig["a folder?with #odd %20 names"]);
        var loaded = rig.Oci.Load(folder).Single();
        var layer = rig.Store.GetChain(loaded.TopLayer!.Value)[0];
        Assert.Equal(image.Blobs[0], ReadAll(reader, reader.Find(layer)[0]));
        string blob = Directory.EnumerateFiles(folder, TestImage.HexOf(image.Blobs[0]), SearchOption.AllDirectories).Single();
        byte[] bytes = File.ReadAllBytes(blob);
        bytes[100] ^= 1;
        File.WriteAllBytes(blob, bytes);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => ReadAll(reader, reader.Find(layer)[0])).Kind);
        rig.Store.RemoveImage(loaded.Manifest);

        loaded = rig.Oci.Load(image.ToLayout().WriteTar(rig["image.tar"])).Single();
        layer = rig.Store.GetChain(loaded.TopLayer!.Value)[0];
        Assert.Equal(image.Blobs[0], ReadAll(reader, reader.Find(layer)[0]));
        rig.Store.RemoveImage(loaded.Manifest);

        loaded = rig.Oci.Load(image.ToDockerArchive("box:1").WriteTar(rig["docker.tar"])).Single();
        layer = rig.Store.GetChain(loaded.TopLayer!.Value)[0];
        Assert.Equal(image.Blobs[0], ReadAll(reader, reader.Find(layer)[0]));
        File.Delete(rig["docker.tar"]);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => ReadAll(reader, reader.Find(layer)[0])).Kind);
    }

    [Fact]
    public void From_where_the_image_s_name_says_if_nothing_else_is_known()
    {
        using var rig = new RegistryRig();
        var image = RegistryRig.Image(62, layers: 1, bytes: 5000);
        registry.Put(image, "by/name", "1");
        var loaded = new ImageLoader(rig.Store, new LoadOptions { Name = $"{registry.Host}/by/name:1" })
            .Load(new MemoryStream(image.ToLayout().ToTar()), "standard input", TestContext.Current.CancellationToken).Single();
        var layer = rig.Store.GetChain(loaded.TopLayer!.Value)[0];
        Assert.Empty(rig.Store.ListOrigins(layer.DiffId));
        var reader = new OriginReader(rig.Store, rig.Options);
        Assert.Equal(image.Blobs[0], ReadAll(reader, Assert.Single(reader.Find(layer))));
    }
}
