using System.CommandLine;
using Strata.Drivers.Rootless;

namespace Strata.Cli.Verbs;

internal static class UnshareVerb
{
    private const int NotFound = 127;

    internal static Command Make()
    {
        var line = new Argument<string[]>("COMMAND") { Description = "The command and its arguments, behind --. Default: your shell.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("unshare", "Without root: run a command, or your shell, in a user namespace in which you are root, can mount, and files have the owners that images give them.") { line };
        command.SetAction(parse =>
        {
            string[] given = parse.GetValue(line) ?? [];
            if (given.Length == 0)
                given = [Environment.GetEnvironmentVariable("SHELL") is { Length: > 0 } shell ? shell : "/bin/sh"];
            if (Rootless.HasArrived)
            {
                Output.Error($"can't run '{given[0]}': {RootlessNamespace.Become(given)}");
                return NotFound;
            }
            if (RootlessNamespace.Current is not null)
                throw StrataException.FailedPrecondition("This is in such a namespace already: run the command as it is.");
            if (!RootlessNamespace.IsWanted)
                throw StrataException.FailedPrecondition("This is root (CAP_SYS_ADMIN), who can mount without a namespace: run the command as it is.");
            var ids = RootlessIds.Find();
            if (!ids.HasMany)
                Output.Error($"only your own user has a number in this namespace: {ids.Lacks}. Images whose files belong to several can't be loaded in it.");
            RootlessNamespace.Enter(ids, RootlessNamespace.ForSession, [Environment.ProcessPath!, .. Rootless.Arguments]);
            return ExitCodes.Failed;
        });
        return command;
    }
}
