using System.Security.Cryptography;
using System.Text;
using Strata.Formats.Tar;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Writes images as one tar: an OCI layout, a docker-archive, or both at once.</summary>
/// <remarks>
/// Each layer's tar is rebuilt byte for byte as it came and verified against its diff ID while it is written. A layer that came compressed is
/// written as its tar, or compressed anew, since compressed blobs are not kept; the config, and with it the image's ID, stays the same, and so do
/// the manifest and the index if all layers came as they are written. Annotations stay in any case. The same images give the same bytes.
/// </remarks>
public sealed class ImageSaver
{
    private readonly Store.Store _store;
    private readonly SaveOptions _options;
    private readonly TarWriter _tar;
    private readonly LayerBlobs _blobs;
    private readonly HashSet<string> _added = [];
    private readonly Dictionary<Digest, SavedImage> _images;

    private ImageSaver(Store.Store store, SaveOptions options, TarWriter tar, IEnumerable<SavedImage> images, CancellationToken cancellationToken)
    {
        _store = store;
        _options = options;
        _tar = tar;
        _images = images.DistinctBy(i => i.Record.Manifest).ToDictionary(i => i.Record.Manifest);
        _blobs = new LayerBlobs(store, options, _images.Values.SelectMany(i => i.Layers).DistinctBy(l => l.DiffId).Sum(l => l.TarBytes), cancellationToken);
    }

    /// <summary>Writes an image.</summary>
    /// <inheritdoc cref="Save(Store.Store, IReadOnlyList{ImageRecord}, Stream, SaveOptions?, CancellationToken)"/>
    public static void Save(
        Store.Store store, ImageRecord image, Stream destination, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Save(store, [image], destination, new SaveOptions { Progress = progress }, cancellationToken);

    /// <summary>Writes images.</summary>
    /// <param name="store">Where they are.</param>
    /// <param name="images">The images.</param>
    /// <param name="destination">Where the tar goes. Stays open; what is in it after an error is no image.</param>
    /// <param name="options">How, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">
    /// Corrupt: a layer's files were changed behind the store's back. NotFound: of all platforms that are wanted, some are not in the store.
    /// FailedPrecondition: all platforms are wanted of an image that did not come by an index. InvalidArgument: the options contradict each other.
    /// </exception>
    public static void Save(
        Store.Store store, IReadOnlyList<ImageRecord> images, Stream destination, SaveOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SaveOptions();
        if (options is { AllPlatforms: true, Format: SaveFormat.DockerArchive })
            throw StrataException.InvalidArgument("A docker-archive holds one platform of an image: leave out --all-platforms, or choose the format oci.");
        var indexes = options.AllPlatforms ? SavedIndex.Of(store, images) : [];
        var all = indexes.SelectMany(i => i.Images).Concat(images).DistinctBy(i => i.Manifest).Select(i => SavedImage.Read(store, i));
        using var tar = new TarWriter(destination, leaveOpen: true);
        new ImageSaver(store, options, tar, all, cancellationToken).Write(images, indexes);
        tar.WriteEnd();
    }

    private void Write(IReadOnlyList<ImageRecord> images, IReadOnlyList<SavedIndex> indexes)
    {
        // What leads to the layers comes first where it can: whoever reads the tar as a stream knows what he gets.
        if (_blobs.AreKnown)
            WriteDocuments(images, indexes);
        foreach (var layer in _images.Values.SelectMany(i => i.Layers))
            _blobs.Write(layer, (digest, size, write) => Add(LayerName(digest), size, write));
        if (!_blobs.AreKnown)
            WriteDocuments(images, indexes);
    }

    private void WriteDocuments(IReadOnlyList<ImageRecord> images, IReadOnlyList<SavedIndex> indexes)
    {
        var files = new List<(string Name, byte[] Bytes)>();
        var entries = new List<Descriptor>();
        if (_options.Format != SaveFormat.DockerArchive)
        {
            foreach (var image in _images.Values)
            {
                files.Add((BlobName(image.Manifest.Config.Digest), image.ConfigBytes));
                files.Add((BlobName(DescriptorOf(image).Digest), ManifestOf(image)));
            }
            foreach (var index in indexes)
                entries.AddRange(Named(index.Write(_store, manifest => DescriptorOf(_images[manifest]), (digest, bytes) => files.Add((BlobName(digest), bytes))), index.Record.Names));
            // An image that is in an index which is written goes by that one's names.
            foreach (var image in images)
            {
                string[] names = [.. image.Names.Except(indexes.SelectMany(i => i.Record.Names))];
                if (names.Length > 0 || !indexes.Any(i => i.Record.Manifests.Contains(image.Manifest)))
                    entries.AddRange(Named(DescriptorOf(_images[image.Manifest]) with { Platform = _images[image.Manifest].Config.Platform?.ToString() }, names));
            }
            AddBytes("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());
            AddBytes("index.json", Encoding.UTF8.GetBytes(ManifestWriter.Index(entries)));
        }
        if (_options.Format != SaveFormat.Oci)
        {
            var described = images.Select(image => (
                Config: ConfigName(_images[image.Manifest]), Tags: image.Names.Where(n => !HasDigest(n)).Select(Familiar), Layers: _images[image.Manifest].Layers.Select(l => LayerName(_blobs.DescriptorOf(l).Digest))));
            AddBytes("manifest.json", Encoding.UTF8.GetBytes(ManifestWriter.DockerManifest(described)));
            files.AddRange(images.Select(image => (ConfigName(_images[image.Manifest]), _images[image.Manifest].ConfigBytes)));
        }
        foreach (var (name, bytes) in files)
            AddBytes(name, bytes);
    }

    private byte[] ManifestOf(SavedImage image) => ManifestRewriter.WithLayers(image.ManifestBytes, [.. image.Layers.Select((l, i) =>
        _blobs.DescriptorOf(l) with { MediaType = MediaTypes.LayerType(image.Manifest.Layers[i].MediaType, _blobs.TypeSuffix) })]);

    private Descriptor DescriptorOf(SavedImage image)
    {
        byte[] bytes = ManifestOf(image);
        return new Descriptor(bytes == image.ManifestBytes ? image.Manifest.MediaType : MediaTypes.Manifest, Digest.Sha256(SHA256.HashData(bytes)), bytes.Length);
    }

    /// <summary>By each of its names. A name with a digest goes along only where what is written still has that digest: it would lie otherwise.</summary>
    private static IEnumerable<Descriptor> Named(Descriptor plain, IReadOnlyList<string> names)
    {
        string own = "@" + plain.Digest;
        string[] honest = [.. names.Where(n => !HasDigest(n) || n.EndsWith(own, StringComparison.Ordinal))];
        return honest.Length == 0 ? [plain] : honest.Select(name => plain with { Annotations = NameAnnotations(name) });
    }

    private static Dictionary<string, string> NameAnnotations(string name)
    {
        var annotations = new Dictionary<string, string> { ["io.containerd.image.name"] = name };
        string tagged = name.Split('@')[0];
        if (tagged.LastIndexOf(':') is var colon && colon > tagged.LastIndexOf('/'))
            annotations["org.opencontainers.image.ref.name"] = tagged[(colon + 1)..];
        return annotations;
    }

    private static bool HasDigest(string name) => name.Contains('@', StringComparison.Ordinal);

    /// <summary>Docker writes its own names without their host, and none with a digest: whoever reads its archives refuses those.</summary>
    private static string Familiar(string name) =>
        name.StartsWith("docker.io/library/", StringComparison.Ordinal) ? name["docker.io/library/".Length..]
        : name.StartsWith("docker.io/", StringComparison.Ordinal) ? name["docker.io/".Length..] : name;

    private static string BlobName(Digest digest) => LayoutSource.BlobName(digest);

    private string LayerName(Digest digest) => _options.Format == SaveFormat.DockerArchive ? digest.Hex + ".tar" : BlobName(digest);

    private string ConfigName(SavedImage image) => _options.Format == SaveFormat.DockerArchive ? image.Record.Config.Hex + ".json" : BlobName(image.Record.Config);

    private void AddBytes(string name, byte[] bytes) => Add(name, bytes.Length, stream => stream.Write(bytes));

    private void Add(string name, long size, Action<Stream> write)
    {
        if (_added.Add(name))
            _tar.Write(new TarEntry { Name = Encoding.UTF8.GetBytes(name), Type = TarEntryType.RegularFile, Mode = 0x1A4, SizeBytes = size }, write);
    }
}
