using System.CommandLine;
using Strata.Oci;

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
            using var store = Session.Open(parse);
            var found = ImageNames.Get(store, parse.GetRequiredValue(image));
            // A name that means a multi-platform image means all of it under its other name, too.
            var index = ImageNames.FindByName(store, parse.GetRequiredValue(image)) is { } named ? store.FindIndex(named.Name)?.Digest : null;
            store.AddName(ImageNames.Normalize(parse.GetRequiredValue(name)), found.Manifest, index);
            return ExitCodes.Ok;
        });
        return command;
    }
}
