using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class ApplyVerb
{
    internal static Command Make()
    {
        var file = new Argument<string>("FILE") { Description = "The layer, plain or compressed; - for standard input.", DefaultValueFactory = _ => "-" };
        var onto = new Option<string?>("--onto") { Description = "The image or layer that it lies on. Without it, it is a base layer.", HelpName = "IMAGE|LAYER" };
        var command = new Command("apply", "Make a layer of an OCI layer's tar, and print its chain ID.") { file, onto };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            string path = parse.GetRequiredValue(file);
            if (path == "-" && !Console.IsInputRedirected)
                throw StrataException.InvalidArgument("There is no layer on standard input, which is a terminal: give a file, or redirect one (< FILE).");
            if (path != "-" && !File.Exists(path))
                throw StrataException.NotFound($"There is no file '{path}'.");
            using var input = path == "-" ? Console.OpenStandardInput() : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0);
            var layer = ProgressBars.Run(progress => store.Apply(input, parse.GetValue(onto), progress, Session.Cancellation));
            Console.Out.WriteLine(layer.ChainId);
            return ExitCodes.Ok;
        });
        return command;
    }
}
