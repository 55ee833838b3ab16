using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using Strata;
using Strata.Cli;
using Strata.Cli.Verbs;
using Strata.Drivers.Rootless;

// The version alone, before anything is set up, and without the console's encodings: it is what scripts ask most often.
if (args.AsSpan().Contains("--version"))
{
    // No FileStream: where the output is a file it would write at a place and not move on, and what comes next would overwrite it.
    using var output = Console.OpenStandardOutput();
    output.Write(Encoding.ASCII.GetBytes($"strata {ProgramVersion.Number}\n"));
    return ExitCodes.Ok;
}

return Run(args);

static int Run(string[] args)
{
    var root = new RootCommand("Layered, copy-on-write file systems for containers: loads images, stacks their layers, hands out root file systems, tells what changed.");
    root.Options.Add(Session.RootOption);
    root.Options.Add(Session.DriverOption);
    root.Options.Add(Session.DriverOptionsOption);
    root.Options.Add(Session.LimitsOption);
    root.Options.Add(Session.LeaseOption);
    root.Options.Add(Session.SharedStoresOption);
    root.Options.Add(Session.ApiOption);
    root.Options.Add(Session.WaitOption);
    foreach (var command in (Command[])
    [
        LoadVerb.Make(), PullVerb.Make(), PushVerb.Make(), LoginVerb.Make(), LogoutVerb.Make(), ImagesVerb.Make(), LayersVerb.Make(), TreeVerb.Make(), InfoVerb.Make(), StatusVerb.Make(), CreateVerb.Make(), RemoveVerb.Make(), MountVerb.Make(),
        UnmountVerb.Make(), ChangesVerb.Make(), DiffVerb.Make(), ApplyVerb.Make(), CommitVerb.Make(), SaveVerb.Make(), SquashVerb.Make(), ImportVerb.Make(), HistoryVerb.Make(), InspectVerb.Make(), ExportVerb.Make(), TagVerb.Make(), UntagVerb.Make(), CheckVerb.Make(), CompletionVerb.Make(),
        CollectVerb.Make(), LeaseVerb.Make(), UnshareVerb.Make(), RunInVerb.Make(), RunInVerb.MakeInner(), UsageVerb.Make(), RebuildVerb.Make(), EmptyTrashVerb.Make(),
    ])
        root.Subcommands.Add(command);

    using var cancellation = new CancellationTokenSource();
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
    Session.Cancellation = cancellation.Token;
    Rootless.Arguments = args;
    Rootless.HasArrived = RootlessNamespace.Arrive();

    try
    {
        var parse = root.Parse(args);
        if (WrongArguments.Complain(parse) is { } wrong)
            return wrong;
        return parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }
    catch (StrataException e)
    {
        Output.Error(e.Message);
        return ExitCode.Of(e.Kind);
    }
    catch (OperationCanceledException)
    {
        Output.Error("cancelled; nothing was left half done.");
        return ExitCodes.Cancelled;
    }
    catch (UnauthorizedAccessException e)
    {
        Output.Error($"{e.Message} Run as a user who may; if it is the store, choose another --root.");
        return ExitCode.Of(ErrorKind.PermissionDenied);
    }
    catch (IOException e)
    {
        // The framework's own file errors: ENOSPC, EPIPE and the like.
        const int NoSpace = 28, BrokenPipe = 32;
        int errno = e.HResult & 0xFFFF;
        if (errno == BrokenPipe)
            return ExitCodes.Failed;
        Output.Error(e.Message);
        return errno == NoSpace ? ExitCode.Of(ErrorKind.Exhausted) : ExitCodes.Failed;
    }
    finally
    {
        TrashDeleter.Finish();
    }

    void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        cancellation.Cancel();
    }
}
