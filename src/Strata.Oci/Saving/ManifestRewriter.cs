using System.Text;
using System.Text.Json.Nodes;

namespace Strata.Oci;

/// <summary>Makes of a manifest or index one with other blobs: all else in it, annotations above all, stays as it came.</summary>
internal static class ManifestRewriter
{
    /// <summary>A manifest with other layers.</summary>
    /// <param name="original">The manifest.</param>
    /// <param name="layers">All its layers, the base first. Their annotations are not looked at: those of the original stay at their layers, counted from the base.</param>
    /// <returns>The original itself, byte for byte, if the layers are its own; else a manifest of OCI's type.</returns>
    internal static byte[] WithLayers(byte[] original, IReadOnlyList<Descriptor> layers)
    {
        var parsed = Manifest.Parse(original, "a manifest");
        if (layers.Select(l => l.Digest).SequenceEqual(parsed.Layers.Select(l => l.Digest)))
            return original;
        var root = Parse(original);
        root["mediaType"] = MediaTypes.Manifest;
        ((JsonObject)root["config"]!)["mediaType"] = MediaTypes.Config;
        var old = root["layers"] as JsonArray ?? [];
        var now = new JsonArray();
        for (int i = 0; i < layers.Count; i++)
        {
            var layer = i < old.Count ? (JsonObject)old[i]!.DeepClone() : [];
            Point(layer, layers[i]);
            now.Add((JsonNode)layer);
        }
        root["layers"] = now;
        return Bytes(root);
    }

    /// <summary>A manifest with another config.</summary>
    internal static byte[] WithConfig(byte[] original, Descriptor config)
    {
        var root = Parse(original);
        Point((JsonObject)root["config"]!, config);
        return Bytes(root);
    }

    /// <summary>An index with other entries.</summary>
    /// <param name="original">The index.</param>
    /// <param name="replace">What an entry points to now, by its digest; null: it is left out.</param>
    /// <returns>The original itself, byte for byte, if nothing changed.</returns>
    internal static byte[] WithEntries(byte[] original, Func<Descriptor, Descriptor?> replace)
    {
        var entries = ImageIndex.Parse(original, "an index").Manifests;
        var replaced = entries.Select(replace).ToArray();
        if (replaced.SequenceEqual(entries))
            return original;
        var root = Parse(original);
        root["mediaType"] = MediaTypes.Index;
        var old = (JsonArray)root["manifests"]!;
        var now = new JsonArray();
        for (int i = 0; i < replaced.Length; i++)
        {
            if (replaced[i] is not { } descriptor)
                continue;
            var entry = (JsonObject)old[i]!.DeepClone();
            if (descriptor != entries[i])
                Point(entry, descriptor);
            now.Add((JsonNode)entry);
        }
        root["manifests"] = now;
        return Bytes(root);
    }

    /// <summary>Where else the old bytes can be had, or the bytes themselves, do not hold for others.</summary>
    private static void Point(JsonObject descriptor, Descriptor to)
    {
        descriptor["mediaType"] = to.MediaType;
        descriptor["digest"] = to.Digest.ToString();
        descriptor["size"] = to.SizeBytes;
        descriptor.Remove("urls");
        descriptor.Remove("data");
    }

    private static JsonObject Parse(byte[] bytes) =>
        JsonNode.Parse(bytes) as JsonObject ?? throw StrataException.InvalidArgument("A manifest is no JSON object.");

    private static byte[] Bytes(JsonObject root) => Encoding.UTF8.GetBytes(JsonNodes.Text(root));
}
