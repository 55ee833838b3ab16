using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class UnmountVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The writable layer." };
        var command = new Command("umount", "Take one mount of a writable layer back; the last one unmounts it.") { name };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            store.Unmount(parse.GetRequiredValue(name));
            return ExitCodes.Ok;
        });
        return command;
    }
}
