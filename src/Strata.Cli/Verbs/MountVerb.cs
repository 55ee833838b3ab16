using System.CommandLine;
using Strata.Api;

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
            using var store = Session.OpenOperations(parse);
            string layer = parse.GetRequiredValue(name);
            string? target = parse.GetValue(directory);
            if (store is StoreOperations here)
                Rootless.RequireSession(here.Store.Driver, layer);
            else if (target is not null)
                target = Path.GetFullPath(target); // the daemon's current directory is another one
            Console.Out.WriteLine(store.Mount(layer, target));
            return ExitCodes.Ok;
        });
        return command;
    }
}
