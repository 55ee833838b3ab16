using System.CommandLine;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class ExportVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME") { Description = "A writable layer, or an image." };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write. Default: standard output.", HelpName = "FILE" };
        var command = new Command("export", "Write the whole root file system as one tar.") { name, output };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            string text = parse.GetRequiredValue(name);
            Action<Stream> write = store.FindWritable(text) is not null
                ? stream => store.Export(text, stream, Session.Cancellation)
                : ImageNames.Get(store, text).TopLayer is { } top
                    ? stream => store.Export(top, stream, Session.Cancellation)
                    : throw StrataException.FailedPrecondition($"The image '{text}' has no layers.");
            Session.WriteOutput(parse.GetValue(output), write);
            return ExitCodes.Ok;
        });
        return command;
    }
}
