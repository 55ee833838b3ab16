using System.Text;
using System.Text.Json;

namespace Strata.Oci;

/// <summary>Writes documents: compact, in a fixed order, so that the same image has the same digest.</summary>
internal static class ManifestWriter
{
    internal static string Manifest(Descriptor config, IEnumerable<Descriptor> layers) => Write(json =>
    {
        json.WriteNumber("schemaVersion", 2);
        json.WriteString("mediaType", MediaTypes.Manifest);
        json.WritePropertyName("config");
        WriteDescriptor(json, config);
        json.WriteStartArray("layers");
        foreach (var layer in layers)
            WriteDescriptor(json, layer);
        json.WriteEndArray();
    });

    internal static string Index(IEnumerable<Descriptor> manifests) => Write(json =>
    {
        json.WriteNumber("schemaVersion", 2);
        json.WriteString("mediaType", MediaTypes.Index);
        json.WriteStartArray("manifests");
        foreach (var manifest in manifests)
            WriteDescriptor(json, manifest);
        json.WriteEndArray();
    });

    internal static string DockerManifest(IEnumerable<(string Config, IEnumerable<string> Tags, IEnumerable<string> Layers)> images) => "[" + string.Join(',', images.Select(image => Write(json =>
    {
        json.WriteString("Config", image.Config);
        json.WriteStartArray("RepoTags");
        foreach (string tag in image.Tags)
            json.WriteStringValue(tag);
        json.WriteEndArray();
        json.WriteStartArray("Layers");
        foreach (string layer in image.Layers)
            json.WriteStringValue(layer);
        json.WriteEndArray();
    }))) + "]";

    private static string Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            body(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteDescriptor(Utf8JsonWriter json, Descriptor descriptor)
    {
        json.WriteStartObject();
        json.WriteString("mediaType", descriptor.MediaType);
        json.WriteString("digest", descriptor.Digest.ToString());
        json.WriteNumber("size", descriptor.SizeBytes);
        if (descriptor.Annotations.Count > 0)
        {
            json.WriteStartObject("annotations");
            foreach (var (key, value) in descriptor.Annotations.OrderBy(a => a.Key, StringComparer.Ordinal))
                json.WriteString(key, value);
            json.WriteEndObject();
        }
        if (descriptor.Platform?.Split('/') is [var os, var architecture, .. var rest])
        {
            json.WriteStartObject("platform");
            json.WriteString("architecture", architecture);
            json.WriteString("os", os);
            if (rest.Length > 0)
                json.WriteString("variant", rest[0]);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
