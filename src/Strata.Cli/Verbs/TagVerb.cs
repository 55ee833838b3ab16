using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class TagVerb
{
    internal static Command Make()
    {
        var image = new Argument<string>("IMAGE") { Description = "The image, by name or ID." };
        var name = new Argument<string>("NEW") { Description = "Another name for it." };
        var command = new Command("tag", "Give an image another name.") { image, name };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            store.Tag(parse.GetRequiredValue(image), parse.GetRequiredValue(name));
            return ExitCodes.Ok;
        });
        return command;
    }
}
