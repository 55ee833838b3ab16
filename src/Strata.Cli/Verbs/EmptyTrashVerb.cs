using System.CommandLine;
using Strata.Drivers;

namespace Strata.Cli.Verbs;

internal static class EmptyTrashVerb
{
    internal const string Name = "empty-trash";

    internal static Command Make()
    {
        var background = new Option<bool>("--background") { Description = "Let go of the terminal and of all that was handed over, and run at the lowest priority.", Hidden = true };
        var command = new Command(Name, "Delete the files of layers that were removed, and wait until none is left. Other commands do that by themselves, in the background.") { background };
        command.SetAction(parse =>
        {
            bool alone = parse.GetValue(background);
            if (alone)
            {
                Background.Detach();
                Background.LowerPriority();
            }
            using var store = Session.Open(parse);
            store.EmptyTrash(wait: !alone, Session.Cancellation);
            return ExitCodes.Ok;
        });
        return command;
    }
}
