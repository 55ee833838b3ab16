using System.CommandLine;
using Strata;
using Strata.Daemon;
using Strata.Daemon.Verbs;

if (args.AsSpan().Contains("--version"))
{
    Console.Out.WriteLine($"stratad {ProgramVersion.Number}");
    return 0;
}

var root = new RootCommand("Serves a store of layers to containerd, to Docker and to others, each by a unix socket.");
root.Subcommands.Add(ServeVerb.Make());
root.Subcommands.Add(ConfigVerb.Make());
try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (StrataException e)
{
    Console.Error.WriteLine($"stratad: {e.Message}");
    return ExitCode.Of(e.Kind);
}
