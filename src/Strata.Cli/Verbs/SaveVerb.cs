using System.CommandLine;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class SaveVerb
{
    internal static Command Make()
    {
        var image = new Argument<string>("IMAGE") { Description = "The image, by name or ID." };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write. Default: standard output.", HelpName = "FILE" };
        var command = new Command("save", "Write an image as one tar, an OCI layout and docker-archive, each layer's tar byte for byte as it came.") { image, output };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var found = ImageNames.Get(store, parse.GetRequiredValue(image));
            Session.WriteOutput(parse.GetValue(output), stream => ProgressBars.Run(progress =>
            {
                ImageSaver.Save(store, found, stream, progress, Session.Cancellation);
                return 0;
            }));
            return ExitCodes.Ok;
        });
        return command;
    }
}
