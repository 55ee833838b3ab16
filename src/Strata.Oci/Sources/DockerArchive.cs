using System.Security.Cryptography;
using System.Text;
using Strata.Formats.Compression;
using Strata.Store;

namespace Strata.Oci;

/// <summary>What <c>docker save</c> writes: manifest.json, a config and layers by file name. The OCI manifest that it lacks is made here.</summary>
internal sealed class DockerArchive(IImageFiles files, Store.Store store, LoadOptions options)
{
    internal List<ImageRecord> Load(CancellationToken cancellationToken)
    {
        using var json = JsonDocuments.Parse(files.ReadDocument("manifest.json"), $"manifest.json of {files.Shown}");
        if (json.Root.ValueKind != System.Text.Json.JsonValueKind.Array)
            throw json.Wrong("it is no array");
        if (options.Name is not null && json.Root.GetArrayLength() > 1)
            throw StrataException.InvalidArgument($"{files.Shown} holds {json.Root.GetArrayLength()} images; they can't all be named '{options.Name}'. Leave out -t.");
        if (json.Root.GetArrayLength() == 0)
            throw StrataException.NotFound($"The docker-archive {files.Shown} lists no image.");
        var loaded = new List<ImageRecord>();
        foreach (var image in json.Root.EnumerateArray())
        {
            string configName = json.String(image, "Config");
            string[] layers = json.Strings(image, "Layers");
            string[] names = options.Name is { } given ? [given]
                : json.Find(image, "RepoTags") is null or { ValueKind: System.Text.Json.JsonValueKind.Null } ? []
                : [.. json.Strings(image, "RepoTags").Select(ImageNames.Normalize)];
            foreach (string name in names)
                ImageNames.WithoutDigest(name, "an image of a docker-archive, which has no manifest of its own");
            loaded.Add(ImageImporter.Retry(() => Load(configName, layers, names, cancellationToken)));
        }
        return loaded;
    }

    private ImageRecord Load(string configName, string[] layers, string[] names, CancellationToken cancellationToken)
    {
        byte[] configBytes = files.ReadDocument(configName);
        var config = ImageConfig.Parse(configBytes, $"config '{configName}' of {files.Shown}");
        if (config.DiffIds.Count != layers.Length)
            throw StrataException.InvalidArgument($"{files.Shown} contradicts itself: manifest.json lists {layers.Length} layers, the config {config.DiffIds.Count}.");
        var inputs = new LayerInput[layers.Length];
        var types = new string[layers.Length];
        for (int i = 0; i < layers.Length; i++)
        {
            string file = layers[i];
            long size = files.FindSize(file) ?? throw StrataException.NotFound($"{files.Shown} is incomplete: it lacks the layer '{file}'.");
            types[i] = TypeOf(file);
            inputs[i] = new LayerInput { Open = () => files.Open(file), Origin = files.OriginOf(file), DiffId = config.DiffIds[i], BlobBytes = size };
        }
        var records = store.RegisterLayers(inputs, null, options.Progress, cancellationToken);
        var configDescriptor = new Descriptor(MediaTypes.Config, Digest.Sha256(SHA256.HashData(configBytes)), configBytes.Length);
        // The layer may have been there already, from another blob: then that is what the manifest must name.
        var descriptors = records.Select((r, i) => new Descriptor(r.BlobDigest == r.DiffId.Digest ? MediaTypes.LayerTar : types[i] == MediaTypes.LayerTar ? MediaTypes.LayerGzip : types[i], r.BlobDigest, r.BlobBytes));
        byte[] manifest = Encoding.UTF8.GetBytes(ManifestWriter.Manifest(configDescriptor, descriptors));
        return store.AddImage(manifest, configBytes, records.Count == 0 ? null : records[^1].ChainId, names, config.Platform?.ToString());
    }

    private string TypeOf(string file)
    {
        Span<byte> first = stackalloc byte[Decompressor.MagicBytes];
        using var stream = files.Open(file);
        int read = stream.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        return Decompressor.Detect(first[..read]) switch
        {
            CompressionKind.None => MediaTypes.LayerTar,
            CompressionKind.Zstd => MediaTypes.LayerZstd,
            _ => MediaTypes.LayerGzip,
        };
    }
}
