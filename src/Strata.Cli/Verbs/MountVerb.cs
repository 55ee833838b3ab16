using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class MountVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The writable layer." };
        var directory = new Argument<string?>("DIR") { Description = "Where it is to be seen; it must exist. Default: a place of the driver's own.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("mount", "Mount a writable layer and print the path of its root file system. It stays mounted until 'umount'.") { name, directory };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            Rootless.RequireSession(store.Driver, parse.GetRequiredValue(name));
            Console.Out.WriteLine(store.Mount(parse.GetRequiredValue(name), parse.GetValue(directory)));
            return ExitCodes.Ok;
        });
        return command;
    }
}
