using System.CommandLine;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class CommitVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The writable layer; it stays as it is." };
        var tag = new Option<string>("--tag", "-t") { Description = "The new image's name.", HelpName = "NEW", Required = true };
        var config = new ConfigOptions();
        var command = new Command("commit", "Make an image whose topmost layer is what changed in a writable layer. With SOURCE_DATE_EPOCH it can be repeated bit for bit.") { name, tag };
        config.AddTo(command);
        command.SetAction(parse =>
        {
            var changes = config.Read(parse);
            using var store = Session.OpenOperations(parse);
            var image = ProgressBars.Run(progress =>
                store.Commit(parse.GetRequiredValue(name), parse.GetRequiredValue(tag), changes, progress, Session.Cancellation));
            Console.Out.WriteLine($"Committed {ImageNames.Normalize(parse.GetRequiredValue(tag))}  {image.Config}");
            return ExitCodes.Ok;
        });
        return command;
    }
}
