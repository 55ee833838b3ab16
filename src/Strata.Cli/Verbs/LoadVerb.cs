using System.CommandLine;
using Strata.Api;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class LoadVerb
{
    internal static Command Make()
    {
        var image = new Argument<string>("IMAGE") { Description = "An OCI layout (folder or tar) or a docker-archive; - for standard input.", DefaultValueFactory = _ => "-" };
        var name = new Option<string?>("--tag", "-t") { Description = "The name that the image gets, instead of the one that comes with it.", HelpName = "NAME" };
        var platform = new Option<string?>("--platform") { Description = "Which platform of a multi-platform image. Default: this machine's, or what it can run too.", HelpName = "OS/ARCH[/VARIANT]" };
        var all = new Option<bool>("--all-platforms") { Description = "All platforms of a multi-platform image; its name means the one for this machine, or for --platform." };
        var json = Session.Json();
        var command = new Command("load", "Load an image from a file, a folder or standard input; its layers may be plain or compressed with gzip, zstd, xz or bzip2.") { image, name, platform, all, json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var images = ProgressBars.Run(progress =>
            {
                var options = new LoadOptions
                {
                    Name = parse.GetValue(name) is { } given ? ImageNames.Normalize(given) : null,
                    Platform = parse.GetValue(platform),
                    AllPlatforms = parse.GetValue(all),
                    Progress = progress,
                };
                string path = parse.GetRequiredValue(image);
                if (path != "-")
                    return store.Load(path, options, Session.Cancellation);
                if (!Console.IsInputRedirected)
                    throw StrataException.InvalidArgument("There is no image on standard input, which is a terminal: give a file, or redirect one (< FILE).");
                using var input = Console.OpenStandardInput();
                return store.Load(input, "standard input", options, Session.Cancellation);
            });
            if (parse.GetValue(json))
                Output.JsonArray(images, RecordJson.Write);
            else
                foreach (var loaded in images)
                    Console.Out.WriteLine($"Loaded {(loaded.Names.Count > 0 ? string.Join(", ", loaded.Names) : parse.GetValue(all) && loaded.Indexes.Count > 0 ? "the same for " + loaded.Platform : "an image without a name")}  {loaded.Config}");
            return ExitCodes.Ok;
        });
        return command;
    }
}
