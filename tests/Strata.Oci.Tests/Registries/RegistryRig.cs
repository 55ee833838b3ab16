using Strata.Oci.Registries;
using Strata.Store;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>A store, and registries without anything of the user's own.</summary>
internal sealed class RegistryRig : IDisposable
{
    internal RegistryRig(string driver = "overlay")
    {
        Oci = new OciRig(driver);
        File.WriteAllText(Oci.Scratch["registries.json"], "{}");
        Options = new RegistryOptions
        {
            ConfigFile = Oci.Scratch["registries.json"],
            AuthFile = Oci.Scratch["auth.json"],
            CertificateDirectories = [Oci.Scratch["certs.d"]],
            StallTimeout = TimeSpan.FromSeconds(20),
            FirstDelay = TimeSpan.FromMilliseconds(5),
        };
    }

    internal OciRig Oci { get; }

    internal Store.Store Store => Oci.Store;

    internal RegistryOptions Options { get; set; }

    internal string this[string below] => Oci.Scratch[below];

    /// <summary>Layers of some size, that don't compress.</summary>
    internal static TestImage Image(int seed, int layers = 3, int bytes = 300_000, string compression = "gzip")
    {
        var image = new TestImage();
        var random = new Random(seed);
        for (int i = 0; i < layers; i++)
        {
            byte[] content = new byte[bytes];
            random.NextBytes(content);
            image.Layer(new TarBuilder().Dir("./").Raw(System.Text.Encoding.ASCII.GetBytes($"file{i}"), '0', content: content), compression);
        }
        return image;
    }

    internal void Configure(string json) => File.WriteAllText(Oci.Scratch["registries.json"], json);

    internal Task<ImageRecord> PullAsync(string name, LoadOptions? load = null) =>
        new ImagePuller(Store, Options).PullAsync(name, load, TestContext.Current.CancellationToken);

    /// <summary>It is refused, and leaves nothing.</summary>
    internal async Task<StrataException> RefusesAsync(ErrorKind kind, string name, LoadOptions? load = null)
    {
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => PullAsync(name, load));
        Assert.True(kind == e.Kind, $"{e.Kind}: {e.Message}");
        Oci.AssertEmpty();
        return e;
    }

    /// <summary>The store has the image, and gives back its tars.</summary>
    internal void AssertIs(TestImage image, ImageRecord record)
    {
        Assert.Equal(image.Id, record.Config.ToString());
        Assert.Equal(image.Tars.Select(TestImage.HexOf), Store.GetChain(record.TopLayer!.Value).Reverse().Select(layer =>
        {
            using var tar = new MemoryStream();
            Store.WriteTar(layer, tar);
            return TestImage.HexOf(tar.ToArray());
        }));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Store.Root, "tmp")));
    }

    public void Dispose() => Oci.Dispose();
}
