using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Makes an image of a writable layer: its changes become a layer on top of the image that it was made from.</summary>
public static class ImageCommitter
{
    /// <summary>Commits.</summary>
    /// <param name="store">The store.</param>
    /// <param name="writable">The writable layer's name. It stays as it is, mounted or not.</param>
    /// <param name="name">The new image's name.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <remarks>The time in the config is SOURCE_DATE_EPOCH's, if that is set, so that a commit can be repeated bit for bit; else now.</remarks>
    public static ImageRecord Commit(
        Store.Store store, string writable, string name, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        name = ImageNames.Normalize(name);
        var record = store.GetWritable(writable);
        LayerRecord[] below = record.Parent is { } top ? [.. store.GetChain(top).Reverse()] : [];
        var (config, descriptors) = BaseOf(store, record, below);
        var layer = store.Commit(writable, progress, cancellationToken);
        string created = Now().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        config["created"] = created;
        config["rootfs"] = new JsonObject
        {
            ["type"] = "layers",
            ["diff_ids"] = new JsonArray([.. below.Append(layer).Select(l => (JsonNode)JsonValue.Create(l.DiffId.ToString()))]),
        };
        if (config["history"] is not JsonArray history)
        {
            history = [];
            config["history"] = history;
        }
        history.Add((JsonNode)new JsonObject { ["created"] = created, ["created_by"] = "strata commit" });
        byte[] configBytes = Encoding.UTF8.GetBytes(config.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, TypeInfoResolver = JsonNodeContext.Default }));
        var configDescriptor = new Descriptor(MediaTypes.Config, Digest.Sha256(SHA256.HashData(configBytes)), configBytes.Length);
        byte[] manifest = Encoding.UTF8.GetBytes(ManifestWriter.Manifest(configDescriptor, [.. descriptors, new Descriptor(MediaTypes.LayerTar, layer.DiffId.Digest, layer.TarBytes)]));
        return store.AddImage(manifest, configBytes, layer.ChainId, [name]);
    }

    private static (JsonObject Config, IReadOnlyList<Descriptor> Layers) BaseOf(Store.Store store, WritableRecord record, LayerRecord[] below)
    {
        if (record.Image is { } manifestDigest && store.FindImage(manifestDigest) is { } image)
        {
            var config = JsonNode.Parse(store.ReadBlob(image.Config)) as JsonObject
                ?? throw StrataException.Corrupt($"The config {image.Config} is no JSON object.");
            return (config, Manifest.Parse(store.ReadBlob(image.Manifest), $"manifest {image.Manifest}").Layers);
        }
        var fresh = new JsonObject
        {
            ["architecture"] = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
            ["os"] = "linux",
            ["config"] = new JsonObject(),
        };
        return (fresh, below.Select(l => new Descriptor(MediaTypes.LayerTar, l.DiffId.Digest, l.TarBytes)).ToArray());
    }

    private static DateTimeOffset Now()
    {
        string? epoch = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH");
        if (string.IsNullOrEmpty(epoch))
            return DateTimeOffset.UtcNow;
        return long.TryParse(epoch, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw StrataException.InvalidArgument($"SOURCE_DATE_EPOCH is '{epoch}', not a count of seconds.");
    }
}
