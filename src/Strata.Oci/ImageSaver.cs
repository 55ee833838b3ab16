using System.Security.Cryptography;
using System.Text;
using Strata.Formats.Tar;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Writes an image as one tar that is an OCI layout and a docker-archive at once.</summary>
/// <remarks>
/// Each layer's tar is rebuilt byte for byte as it came and verified against its diff ID while it is written. A layer that came compressed is
/// written as its tar, since compressed blobs are not kept; the config, and with it the image's ID, stays the same, and so does the manifest
/// if all layers came uncompressed. The same image gives the same bytes.
/// </remarks>
public static class ImageSaver
{
    /// <summary>Writes an image.</summary>
    /// <param name="store">Where it is.</param>
    /// <param name="image">The image.</param>
    /// <param name="destination">Where the tar goes. Stays open; what is in it after an error is no image.</param>
    /// <param name="progress">Told of bytes written, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">Corrupt: a layer's files were changed behind the store's back.</exception>
    public static void Save(
        Store.Store store, ImageRecord image, Stream destination, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        byte[] manifestBytes = store.ReadBlob(image.Manifest);
        byte[] configBytes = store.ReadBlob(image.Config);
        var manifest = Manifest.Parse(manifestBytes, $"manifest {image.Manifest}");
        var config = ImageConfig.Parse(configBytes, $"config {image.Config}");
        LayerRecord[] layers = image.TopLayer is { } top ? [.. store.GetChain(top).Reverse()] : [];
        var descriptors = layers.Select((l, i) => new Descriptor(MediaTypes.LayerTar, l.DiffId.Digest, l.TarBytes) { Annotations = manifest.Layers[i].Annotations }).ToArray();
        if (!descriptors.Select(d => d.Digest).SequenceEqual(manifest.Layers.Select(d => d.Digest)))
            manifestBytes = Encoding.UTF8.GetBytes(ManifestWriter.Manifest(manifest.Config, descriptors));
        var manifestDigest = Digest.Sha256(SHA256.HashData(manifestBytes));

        using var tar = new TarWriter(destination, leaveOpen: true);
        AddBytes(tar, "oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());
        AddBytes(tar, "index.json", Encoding.UTF8.GetBytes(ManifestWriter.Index(Entries(image, manifestDigest, manifestBytes.Length, config.Platform?.ToString()))));
        AddBytes(tar, "manifest.json", Encoding.UTF8.GetBytes(ManifestWriter.DockerManifest(BlobName(image.Config), image.Names.Select(Familiar), layers.Select(l => BlobName(l.DiffId.Digest)))));
        AddBytes(tar, BlobName(image.Config), configBytes);
        AddBytes(tar, BlobName(manifestDigest), manifestBytes);
        long done = 0;
        long total = layers.Sum(l => l.TarBytes);
        foreach (var layer in layers.DistinctBy(l => l.DiffId))
        {
            tar.Write(Entry(BlobName(layer.DiffId.Digest), layer.TarBytes), stream => store.WriteTar(layer, stream, cancellationToken));
            done += layer.TarBytes;
            progress?.Report(new ProgressReport("save", done, total));
        }
        tar.WriteEnd();
    }

    private static IEnumerable<Descriptor> Entries(ImageRecord image, Digest manifest, long size, string? platform)
    {
        var plain = new Descriptor(MediaTypes.Manifest, manifest, size) { Platform = platform };
        if (image.Names.Count == 0)
            return [plain];
        return image.Names.Select(name => plain with
        {
            Annotations = new Dictionary<string, string>
            {
                ["io.containerd.image.name"] = name,
                ["org.opencontainers.image.ref.name"] = name[(name.LastIndexOf(':') + 1)..],
            },
        });
    }

    /// <summary>Docker writes its own names without their host.</summary>
    private static string Familiar(string name) =>
        name.StartsWith("docker.io/library/", StringComparison.Ordinal) ? name["docker.io/library/".Length..]
        : name.StartsWith("docker.io/", StringComparison.Ordinal) ? name["docker.io/".Length..] : name;

    private static string BlobName(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

    private static TarEntry Entry(string name, long size) =>
        new() { Name = Encoding.UTF8.GetBytes(name), Type = TarEntryType.RegularFile, Mode = 0x1A4, SizeBytes = size };

    private static void AddBytes(TarWriter tar, string name, byte[] bytes) => tar.Write(Entry(name, bytes.Length), stream => stream.Write(bytes));
}
