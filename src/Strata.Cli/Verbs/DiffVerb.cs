using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class DiffVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "The writable layer." };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write. Default: standard output.", HelpName = "FILE" };
        var command = new Command("diff", "Write what changed in a writable layer as an OCI layer, an uncompressed tar.") { name, output };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            Session.WriteOutput(parse.GetValue(output), stream => ProgressBars.Run(progress =>
            {
                store.Diff(parse.GetRequiredValue(name), stream, progress, Session.Cancellation);
                return 0;
            }));
            return ExitCodes.Ok;
        });
        return command;
    }
}
