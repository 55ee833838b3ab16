using System.CommandLine;
using System.Text.Json;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class ImagesVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("images", "List the images of the store.") { json };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var images = store.ListImages();
            if (parse.GetValue(json))
            {
                Output.JsonArray(images, WriteJson);
                return ExitCodes.Ok;
            }
            // An image without a name of its own goes by those of the multi-platform images that it belongs to.
            var indexes = store.ListIndexes().ToDictionary(i => i.Digest);
            Output.Table(["NAME", "PLATFORM", "ID", "MANIFEST", "SIZE", "LOADED"], images.SelectMany(image =>
                (image.Names.Count > 0 ? image.Names : image.Indexes.SelectMany(i => indexes.TryGetValue(i, out var index) ? index.Names : []).Distinct().DefaultIfEmpty("<none>")).Select(name => (string[])
                    [name, image.Platform ?? "-", Output.Short(image.Config), Output.Short(image.Manifest), Output.Size(image.SizeBytes), Output.Time(image.Created)])));
            return ExitCodes.Ok;
        });
        return command;
    }

    internal static void WriteJson(Utf8JsonWriter json, ImageRecord image)
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
    }
}
