using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class InspectVerb
{
    internal static Command Make()
    {
        var name = new Argument<string>("NAME|IMAGE|LAYER") { Description = "A writable layer by name, an image by name or ID, or a layer by ID." };
        var raw = new Option<string?>("--raw") { Description = "Print a document of an image as it is, byte for byte: config, manifest or index.", HelpName = "DOCUMENT" };
        var command = new Command("inspect", "Print as JSON all that is known of an image, a layer or a writable layer.") { name, raw, PlatformChoice.Option };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            string item = parse.GetRequiredValue(name);
            string? platform = parse.GetValue(PlatformChoice.Option);
            byte[] bytes = parse.GetValue(raw) is { } document ? store.ReadDocument(item, platform, document) : store.Inspect(item, platform);
            using var output = Console.OpenStandardOutput();
            output.Write(bytes);
            return ExitCodes.Ok;
        });
        return command;
    }
}
