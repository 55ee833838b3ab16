using System.Security.Cryptography;
using System.Text;
using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>A store in a scratch directory, with layers made in a line.</summary>
internal sealed class StoreRig : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    internal StoreRig(string driver, string? root = null)
    {
        DriverName = driver;
        Root = root ?? _scratch["store"];
        try
        {
            Store = Open();
        }
        catch
        {
            _scratch.Dispose();
            throw;
        }
    }

    internal string DriverName { get; }

    internal string Root { get; }

    internal Store Store { get; private set; }

    internal ScratchDirectory Scratch => _scratch;

    internal Store Open(LayerLimits? limits = null) => Strata.Store.Store.Open(new StoreOptions { Root = Root, Driver = DriverName, Limits = limits ?? LayerLimits.Default });

    internal void Reopen()
    {
        Store.Dispose();
        Store = Open();
    }

    internal static DiffId DiffIdOf(byte[] tar) => new(Digest.Sha256(SHA256.HashData(tar)));

    internal static Digest DigestOf(byte[] blob) => Digest.Sha256(SHA256.HashData(blob));

    internal static LayerInput Input(byte[] tar, byte[]? blob = null) => new()
    {
        Open = () => new MemoryStream(blob ?? tar, writable: false), DiffId = DiffIdOf(tar), BlobDigest = DigestOf(blob ?? tar), BlobBytes = (blob ?? tar).Length,
    };

    internal static byte[] Tar(int number, int files = 3)
    {
        var tar = new TarBuilder().Dir("etc").Dir($"dir{number}");
        for (int i = 0; i < files; i++)
            tar.File($"dir{number}/file{i}", $"layer {number} file {i}");
        return tar.File("etc/top", $"layer {number}").ToArray();
    }

    internal LayerRecord[] Register(params byte[][] tars) => [.. Store.RegisterLayers([.. tars.Select(t => Input(t))])];

    /// <summary>Everything that must be as before after a failure.</summary>
    internal string State()
    {
        var text = new StringBuilder();
        foreach (var layer in Store.ListLayers())
            text.AppendLine($"layer {layer.ChainId} {layer.DriverId}");
        foreach (var image in Store.ListImages())
            text.AppendLine($"image {image.Manifest} {string.Join(',', image.Names)}");
        foreach (var writable in Store.ListWritable())
            text.AppendLine($"writable {writable.Name} {writable.DriverId}");
        foreach (var id in Store.Driver.List().Select(i => i.ToString()).Order(StringComparer.Ordinal))
            text.AppendLine($"driver {id}");
        foreach (string directory in new[] { "leases", "recipes", "tmp", "blobs/sha256" })
        {
            foreach (string file in Directory.EnumerateFileSystemEntries(Path.Combine(Root, directory)).Order(StringComparer.Ordinal))
                text.AppendLine(file[Root.Length..]);
        }
        string home = Path.Combine(Root, DriverName);
        foreach (string hidden in new[] { ".tmp", ".trash", ".displaced", "l" })
        {
            string directory = Path.Combine(home, hidden);
            if (Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
                text.AppendLine($"{hidden}: {Directory.EnumerateFileSystemEntries(directory).Count()}");
        }
        return text.ToString();
    }

    internal byte[] Give(LayerRecord layer)
    {
        using var tar = new MemoryStream();
        Store.WriteTar(layer, tar);
        return tar.ToArray();
    }

    /// <summary>Nothing that the test did may be left mounted or leased.</summary>
    public void Dispose()
    {
        using var closing = new Closing();
        closing.Do(Store.Dispose);
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(Root, except: Root)));
        closing.Do(() => Assert.Empty(Directory.GetFiles(Path.Combine(Root, "leases"))));
        closing.Do(_scratch.Dispose);
    }
}
