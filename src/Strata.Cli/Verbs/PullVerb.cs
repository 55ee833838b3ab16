using System.CommandLine;
using Strata.Api;
using Strata.Oci;
using Strata.Oci.Registries;

namespace Strata.Cli.Verbs;

internal static class PullVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]" };
        var tag = new Option<string?>("--tag", "-t") { Description = "The name that the image gets, instead of where it came from.", HelpName = "NAME" };
        var platform = new Option<string?>("--platform") { Description = "Which platform of a multi-platform image. Default: this machine's.", HelpName = "OS/ARCH" };
        var all = new Option<bool>("--all-platforms") { Description = "All platforms of a multi-platform image; its name means the one for this machine, or for --platform." };
        var json = Session.Json();
        var registry = new RegistryArguments();
        var command = new Command("pull", "Get an image from a registry; layers that are there already are not fetched again.") { name, tag, platform, all, json };
        registry.AddTo(command);
        command.SetAction(async (parse, _) =>
        {
            using var store = Session.Open(parse);
            var images = await ProgressBars.RunAsync(progress => new ImagePuller(store, registry.Read(parse)).PullImagesAsync(
                parse.GetRequiredValue(name),
                new LoadOptions
                {
                    Name = parse.GetValue(tag) is { } given ? ImageNames.Normalize(given) : null,
                    Platform = parse.GetValue(platform),
                    AllPlatforms = parse.GetValue(all),
                    Progress = progress,
                },
                Session.Cancellation));
            if (parse.GetValue(json))
                Output.JsonArray(images, RecordJson.Write);
            else
                foreach (var image in images)
                    Console.Out.WriteLine($"Pulled {(image.Names.Count > 0 ? string.Join(", ", image.Names) : "the same for " + image.Platform)}  {image.Config}");
            return ExitCodes.Ok;
        });
        return command;
    }
}
