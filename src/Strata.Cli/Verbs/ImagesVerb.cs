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
            var own = store.ListImages();
            var shared = store.ListSharedImages();
            // One that is here only since it was used from a shared store is shown by what it is called there.
            var there = shared.Select(image => image.Manifest).ToHashSet();
            ImageRecord[] images = [.. own.Where(image => !(image.IsBorrowed && image.Names.Count == 0 && there.Contains(image.Manifest))), .. shared];
            if (parse.GetValue(json))
            {
                Output.JsonArray(images, WriteJson);
                return ExitCodes.Ok;
            }
            // An image without a name of its own goes by those of the multi-platform images that it belongs to.
            var indexes = store.ListIndexes().ToDictionary(i => i.Digest);
            string[] columns = ["NAME", "PLATFORM", "ID", "MANIFEST", "SIZE", "LOADED"];
            Output.Table(shared.Count == 0 ? columns : [.. columns, "SHARED FROM"], images.SelectMany(image =>
                (image.Names.Count > 0 ? image.Names : image.Indexes.SelectMany(i => indexes.TryGetValue(i, out var index) ? index.Names : []).Distinct().DefaultIfEmpty("<none>")).Select(name => (string[])
                    [name, image.Platform ?? "-", Output.Short(image.Config), Output.Short(image.Manifest), Output.Size(image.SizeBytes), Output.Time(image.Created), .. shared.Count == 0 ? (string[])[] : [image.SharedFrom ?? "-"]])));
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
        json.WriteString("sharedFrom", image.SharedFrom);
    }
}
