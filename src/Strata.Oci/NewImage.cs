using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strata.Store;

namespace Strata.Oci;

/// <summary>An image that is being made, of another one or of nothing: its config and manifest as trees, so that all that is not changed stays.</summary>
internal sealed class NewImage
{
    private readonly JsonObject _config;
    private readonly List<Descriptor> _layers;
    private readonly byte[]? _baseManifest;

    private NewImage(JsonObject config, List<Descriptor> layers, byte[]? baseManifest)
    {
        _config = config;
        _layers = layers;
        _baseManifest = baseManifest;
    }

    /// <summary>Starts with another image.</summary>
    internal static NewImage Of(Store.Store store, ImageRecord image)
    {
        byte[] manifest = store.ReadBlob(image.Manifest);
        byte[] configBytes = store.ReadBlob(image.Config);
        _ = ImageConfig.Parse(configBytes, $"config {image.Config}"); // what is read as a tree must be what was verified
        var config = JsonNode.Parse(configBytes) as JsonObject ?? throw StrataException.Corrupt($"The config {image.Config} is no JSON object.");
        var layers = Manifest.Parse(manifest, $"manifest {image.Manifest}").Layers;
        return new NewImage(config, [.. layers], manifest);
    }

    /// <summary>Starts with nothing but layers.</summary>
    internal static NewImage Of(Platform platform, IEnumerable<LayerRecord> baseFirst)
    {
        var config = new JsonObject { ["architecture"] = platform.Architecture, ["os"] = platform.Os };
        if (platform.Variant.Length > 0)
            config["variant"] = platform.Variant;
        config["config"] = new JsonObject();
        return new NewImage(config, [.. baseFirst.Select(Plain)], null);
    }

    /// <summary>The steps that made it so far; what a config did not tell of its layers is filled up, so that each layer has its step.</summary>
    internal JsonArray History()
    {
        if (_config["history"] is not JsonArray history)
            _config["history"] = history = [];
        for (int told = history.Count(step => !IsEmpty(step)); told < _layers.Count; told++)
            history.Add((JsonNode)new JsonObject { ["comment"] = "not told" });
        return history;
    }

    /// <summary>Takes the layers above some away.</summary>
    internal void KeepLayers(int count) => _layers.RemoveRange(count, _layers.Count - count);

    /// <summary>Puts a layer on top.</summary>
    internal void Add(LayerRecord layer) => _layers.Add(Plain(layer));

    /// <summary>Says how it was made, and changes what is to be changed.</summary>
    internal void Describe(string createdBy, ImageChanges changes, string? comment = null)
    {
        string created = SourceDate.Text;
        _config["created"] = created;
        new ConfigEditor(_config).Apply(changes.Config);
        var step = new JsonObject { ["created"] = created, ["created_by"] = createdBy };
        if (changes.Author is not null)
        {
            _config["author"] = changes.Author;
            step["author"] = changes.Author;
        }
        if ((changes.Message ?? comment) is { } message)
            step["comment"] = message;
        ((JsonArray)_config["history"]!).Add((JsonNode)step);
    }

    /// <summary>Writes its documents and names it.</summary>
    /// <param name="store">The store.</param>
    /// <param name="baseFirst">Its layers.</param>
    /// <param name="name">Its name.</param>
    internal ImageRecord Save(Store.Store store, IReadOnlyList<LayerRecord> baseFirst, string name)
    {
        _config["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = JsonNodes.Array(baseFirst.Select(l => l.DiffId.ToString())) };
        byte[] config = Encoding.UTF8.GetBytes(JsonNodes.Text(_config));
        var descriptor = new Descriptor(MediaTypes.Config, Digest.Sha256(SHA256.HashData(config)), config.Length);
        var layers = _layers.Select(l => l with { MediaType = MediaTypes.ToOci(l.MediaType) }).ToArray();
        byte[] manifest = _baseManifest is null
            ? Encoding.UTF8.GetBytes(ManifestWriter.Manifest(descriptor, layers))
            : ManifestRewriter.WithConfig(ManifestRewriter.WithLayers(_baseManifest, layers), descriptor);
        return store.AddImage(manifest, config, baseFirst.Count == 0 ? null : baseFirst[^1].ChainId, [name], ImageConfig.Parse(config, "the new image's config").Platform?.ToString());
    }

    /// <summary>True: a step of a history that made no layer.</summary>
    internal static bool IsEmpty(JsonNode? step) =>
        step is JsonObject known && known["empty_layer"] is JsonValue empty && empty.GetValueKind() == System.Text.Json.JsonValueKind.True;

    private static Descriptor Plain(LayerRecord layer) => new(MediaTypes.LayerTar, layer.DiffId.Digest, layer.TarBytes);
}
