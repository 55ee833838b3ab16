using System.Text.Json;
using Strata.Store;

namespace Strata.Api;

/// <summary>The store's records as JSON for users: what <c>--json</c> and <c>inspect</c> print.</summary>
internal static class RecordJson
{
    internal static void Write(Utf8JsonWriter json, ImageRecord image)
    {
        json.WriteStartArray("names");
        foreach (string name in image.Names)
            json.WriteStringValue(name);
        json.WriteEndArray();
        json.WriteString("id", image.Config.ToString());
        json.WriteString("manifest", image.Manifest.ToString());
        json.WriteString("platform", image.Platform);
        json.WriteStartArray("indexes");
        foreach (var index in image.Indexes)
            json.WriteStringValue(index.ToString());
        json.WriteEndArray();
        json.WriteString("topLayer", image.TopLayer?.ToString());
        json.WriteNumber("sizeBytes", image.SizeBytes);
        json.WriteString("created", image.Created);
        json.WriteString("sharedFrom", image.SharedFrom);
    }

    internal static void Write(Utf8JsonWriter json, LayerRecord layer)
    {
        json.WriteString("chainId", layer.ChainId.ToString());
        json.WriteString("diffId", layer.DiffId.ToString());
        json.WriteString("parent", layer.Parent?.ToString());
        json.WriteString("driverId", layer.DriverId.ToString());
        json.WriteNumber("tarBytes", layer.TarBytes);
        json.WriteNumber("contentBytes", layer.ContentBytes);
        json.WriteString("blob", layer.BlobDigest.ToString());
        json.WriteNumber("blobBytes", layer.BlobBytes);
        json.WriteString("created", layer.Created);
        json.WriteString("sharedFrom", layer.SharedFrom);
    }
}
