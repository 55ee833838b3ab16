using System.Text.Encodings.Web;
using System.Text.Json;
using Strata.Oci;
using Strata.Store;

namespace Strata.Api;

/// <content>All that is known of an item, as JSON.</content>
internal sealed partial class StoreOperations
{
    public byte[] Inspect(string item, string? platform)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (platform is null && store.FindWritable(item) is { } writable)
                Write(json, writable);
            else if (ImageNames.Find(store, item, platform) is { } image)
                Write(json, image);
            else if (ImageNames.FindLayer(store, item) is { } layer)
                Write(json, layer);
            else
                throw NoItem(item);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    public byte[] ReadDocument(string image, string? platform, string document)
    {
        var found = ImageNames.Get(store, image, platform);
        return document switch
        {
            "config" => store.ReadBlob(found.Config),
            "manifest" => store.ReadBlob(found.Manifest),
            "index" => store.ReadBlob(found.Names.Select(store.FindIndex).FirstOrDefault(i => i is not null)?.Digest ?? found.Indexes.Select(i => (Digest?)i).FirstOrDefault()
                ?? throw StrataException.NotFound($"The image {found.Config} did not come by an index.")),
            _ => throw StrataException.InvalidArgument($"An image has no document '{document}'; it has a config, a manifest, and perhaps an index."),
        };
    }

    private void Write(Utf8JsonWriter json, ImageRecord image)
    {
        byte[] manifestBytes = store.ReadBlob(image.Manifest);
        var manifest = Manifest.Parse(manifestBytes, $"manifest {image.Manifest}");
        var layers = image.TopLayer is { } top ? store.GetChain(top) : [];
        json.WriteString("kind", "image");
        RecordJson.Write(json, image);
        json.WriteString("mediaType", manifest.MediaType);
        WriteDocument(json, "annotations", manifestBytes, "annotations");
        json.WriteStartArray("layers");
        for (int i = 0; i < layers.Count; i++)
        {
            var layer = layers[layers.Count - 1 - i]; // the base first, as in the manifest
            json.WriteStartObject();
            RecordJson.Write(json, layer);
            json.WriteString("mediaType", manifest.Layers[i].MediaType);
            json.WriteStartObject("annotations");
            foreach (var (key, value) in manifest.Layers[i].Annotations)
                json.WriteString(key, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteDocument(json, "config", store.ReadBlob(image.Config), null);
    }

    private void Write(Utf8JsonWriter json, LayerRecord layer)
    {
        json.WriteString("kind", "layer");
        RecordJson.Write(json, layer);
        json.WriteStartArray("images");
        foreach (var image in store.ListImages().Where(i => i.TopLayer == layer.ChainId))
            json.WriteStringValue(image.Manifest.ToString());
        json.WriteEndArray();
        json.WriteStartArray("writable");
        foreach (var writable in store.ListWritable().Where(w => w.Parent == layer.ChainId))
            json.WriteStringValue(writable.Name);
        json.WriteEndArray();
        WriteDriver(json, layer.DriverId);
    }

    private void Write(Utf8JsonWriter json, WritableRecord layer)
    {
        json.WriteString("kind", "writable");
        json.WriteString("name", layer.Name);
        json.WriteString("driverId", layer.DriverId.ToString());
        json.WriteString("parent", layer.Parent?.ToString());
        json.WriteString("image", layer.Image?.ToString());
        json.WriteString("mountedAt", store.FindMountPoint(layer));
        json.WriteString("created", layer.Created);
        WriteDriver(json, layer.DriverId);
    }

    /// <summary>Where the driver has it, by Docker's keys.</summary>
    private void WriteDriver(Utf8JsonWriter json, LayerId id)
    {
        json.WriteStartObject("driver");
        json.WriteString("name", store.Driver.Name);
        foreach (var (key, value) in store.Driver.GetMetadata(id))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    /// <summary>A document, or a member of it, as it is.</summary>
    private static void WriteDocument(Utf8JsonWriter json, string name, byte[] bytes, string? member)
    {
        using var document = JsonDocument.Parse(bytes);
        json.WritePropertyName(name);
        if (member is null)
            document.RootElement.WriteTo(json);
        else if (document.RootElement.TryGetProperty(member, out var found))
            found.WriteTo(json);
        else
            json.WriteNullValue();
    }
}
