using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Strata.Drivers.Rootless;

namespace Strata.Cli.Verbs;

internal static class RunInVerb
{
    private const string Inner = "run-in-mounted";

    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The writable layer." };
        var line = new Argument<string[]>("COMMAND") { Description = "The command and its arguments, behind --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run-in", "Run a command inside of a writable layer's root file system, mounted for as long as it runs. No container: only the file system is another one. Exits as the command does.") { name, line };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            if (Rootless.WhyNot is { } why)
                throw StrataException.PermissionDenied($"Can't change the root directory without root or a user namespace: {why}.");
            string mounted = store.Mount(parse.GetRequiredValue(name));
            try
            {
                return Run(mounted, parse.GetValue(line)!);
            }
            finally
            {
                store.Unmount(parse.GetRequiredValue(name));
            }
        });
        return command;
    }

    /// <summary>What the first one starts, in a mount namespace of its own, in which the host's devices and processes are shown.</summary>
    internal static Command MakeInner()
    {
        var root = new Argument<string>("ROOT");
        var line = new Argument<string[]>("COMMAND") { Arity = ArgumentArity.OneOrMore };
        var command = new Command(Inner) { root, line };
        command.Hidden = true;
        command.SetAction(parse =>
        {
            string[] given = parse.GetValue(line)!;
            Console.Error.Flush(); // made now: afterwards the host's files are out of reach
            var (exitCode, why) = ChangedRoot.TryExecute(parse.GetRequiredValue(root), given);
            Output.Error($"can't run '{given[0]}' in the root file system: {why}");
            return exitCode;
        });
        return command;
    }

    private static int Run(string mounted, string[] line)
    {
        // What stops the command stops it; we have to unmount.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = true);
        using var process = Process.Start(new ProcessStartInfo("unshare", ["--mount", Environment.ProcessPath!, Inner, mounted, "--", .. line]))!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
