using System.CommandLine;
using System.Text.Json;
using Strata.Oci;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class InspectVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME|IMAGE|LAYER") { Description = "A writable layer by name, an image by name or ID, or a layer by ID." };
        var raw = new Option<string?>("--raw") { Description = "Print a document of an image as it is, byte for byte: config, manifest or index.", HelpName = "DOCUMENT" };
        var command = new Command("inspect", "Print as JSON all that is known of an image, a layer or a writable layer.") { name, raw, PlatformChoice.Option };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            string text = parse.GetRequiredValue(name);
            if (parse.GetValue(raw) is { } document)
            {
                byte[] bytes = Document(store, PlatformChoice.Get(store, text, parse), document);
                using var output = Console.OpenStandardOutput();
                output.Write(bytes);
                return ExitCodes.Ok;
            }
            if (parse.GetValue(PlatformChoice.Option) is null && store.FindWritable(text) is { } writable)
                Output.Json(json => Write(json, store, writable));
            else if (ImageNames.Find(store, text, parse.GetValue(PlatformChoice.Option)) is { } image)
                Output.Json(json => Write(json, store, image));
            else if (ImageNames.FindLayer(store, text) is { } layer)
                Output.Json(json => Write(json, store, layer));
            else
                throw StrataException.NotFound($"There is no writable layer, image or layer '{text}' in the store.");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static byte[] Document(Store.Store store, ImageRecord image, string which) => which switch
    {
        "config" => store.ReadBlob(image.Config),
        "manifest" => store.ReadBlob(image.Manifest),
        "index" => store.ReadBlob(image.Names.Select(store.FindIndex).FirstOrDefault(i => i is not null)?.Digest ?? image.Indexes.Select(i => (Digest?)i).FirstOrDefault()
            ?? throw StrataException.NotFound($"The image {image.Config} did not come by an index.")),
        _ => throw StrataException.InvalidArgument($"An image has no document '{which}'; it has a config, a manifest, and perhaps an index."),
    };

    private static void Write(Utf8JsonWriter json, Store.Store store, ImageRecord image)
    {
        byte[] manifestBytes = store.ReadBlob(image.Manifest);
        var manifest = Manifest.Parse(manifestBytes, $"manifest {image.Manifest}");
        var layers = image.TopLayer is { } top ? store.GetChain(top) : [];
        json.WriteStartObject();
        json.WriteString("kind", "image");
        ImagesVerb.WriteJson(json, image);
        json.WriteString("mediaType", manifest.MediaType);
        WriteDocument(json, "annotations", manifestBytes, "annotations");
        json.WriteStartArray("layers");
        for (int i = 0; i < layers.Count; i++)
        {
            var layer = layers[layers.Count - 1 - i]; // the base first, as in the manifest
            json.WriteStartObject();
            LayersVerb.WriteJson(json, layer);
            json.WriteString("mediaType", manifest.Layers[i].MediaType);
            json.WriteStartObject("annotations");
            foreach (var (key, value) in manifest.Layers[i].Annotations)
                json.WriteString(key, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteDocument(json, "config", store.ReadBlob(image.Config), null);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Store.Store store, LayerRecord layer)
    {
        json.WriteStartObject();
        json.WriteString("kind", "layer");
        LayersVerb.WriteJson(json, layer);
        json.WriteStartArray("images");
        foreach (var image in store.ListImages().Where(i => i.TopLayer == layer.ChainId))
            json.WriteStringValue(image.Manifest.ToString());
        json.WriteEndArray();
        json.WriteStartArray("writable");
        foreach (var writable in store.ListWritable().Where(w => w.Parent == layer.ChainId))
            json.WriteStringValue(writable.Name);
        json.WriteEndArray();
        WriteDriver(json, store, layer.DriverId);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Store.Store store, WritableRecord layer)
    {
        json.WriteStartObject();
        json.WriteString("kind", "writable");
        json.WriteString("name", layer.Name);
        json.WriteString("driverId", layer.DriverId.ToString());
        json.WriteString("parent", layer.Parent?.ToString());
        json.WriteString("image", layer.Image?.ToString());
        json.WriteString("mountedAt", store.FindMountPoint(layer));
        json.WriteString("created", layer.Created);
        WriteDriver(json, store, layer.DriverId);
        json.WriteEndObject();
    }

    /// <summary>Where the driver has it, by Docker's keys.</summary>
    private static void WriteDriver(Utf8JsonWriter json, Store.Store store, LayerId id)
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
