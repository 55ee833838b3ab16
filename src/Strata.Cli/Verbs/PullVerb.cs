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
        var json = Session.Json();
        var registry = new RegistryArguments();
        var command = new Command("pull", "Get an image from a registry; layers that are there already are not fetched again.") { name, tag, platform, json };
        registry.AddTo(command);
        command.SetAction(async (parse, _) =>
        {
            using var store = Session.Open(parse);
            var image = await ProgressBars.RunAsync(progress => new ImagePuller(store, registry.Read(parse)).PullAsync(
                parse.GetRequiredValue(name),
                new LoadOptions
                {
                    Name = parse.GetValue(tag) is { } given ? ImageNames.Normalize(given) : null,
                    Platform = parse.GetValue(platform),
                    Progress = progress,
                },
                Session.Cancellation));
            if (parse.GetValue(json))
                Output.JsonArray([image], RecordJson.Write);
            else
                Console.Out.WriteLine($"Pulled {string.Join(", ", image.Names)}  {image.Config}");
            return ExitCodes.Ok;
        });
        return command;
    }
}
