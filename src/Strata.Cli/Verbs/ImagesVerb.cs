using System.CommandLine;
using Strata.Api;

namespace Strata.Cli.Verbs;

internal static class ImagesVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("images", "List the images of the store.") { json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var images = store.ListImages();
            bool shared = images.Any(image => image.SharedFrom is not null);
            if (parse.GetValue(json))
            {
                Output.JsonArray(images, RecordJson.Write);
                return ExitCodes.Ok;
            }
            // An image without a name of its own goes by those of the multi-platform images that it belongs to.
            var indexes = store.ListIndexes().ToDictionary(i => i.Digest);
            string[] columns = ["NAME", "PLATFORM", "ID", "MANIFEST", "SIZE", "LOADED"];
            Output.Table(!shared ? columns : [.. columns, "SHARED FROM"], images.SelectMany(image =>
                (image.Names.Count > 0 ? image.Names : image.Indexes.SelectMany(i => indexes.TryGetValue(i, out var index) ? index.Names : []).Distinct().DefaultIfEmpty("<none>")).Select(name => (string[])
                    [name, image.Platform ?? "-", Output.Short(image.Config), Output.Short(image.Manifest), Output.Size(image.SizeBytes), Output.Time(image.Created), .. !shared ? (string[])[] : [image.SharedFrom ?? "-"]])));
            return ExitCodes.Ok;
        });
        return command;
    }
}
