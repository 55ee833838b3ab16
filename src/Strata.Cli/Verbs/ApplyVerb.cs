using System.CommandLine;
using Strata.Store;

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
            using var store = Session.Open(parse, lease: Store.Store.AppliedLease); // made for its own sake: gc keeps it until it is removed
            var (parent, _) = CreateVerb.Parent(store, parse.GetValue(onto));
            string path = parse.GetRequiredValue(file);
            if (path == "-" && !Console.IsInputRedirected)
                throw StrataException.InvalidArgument("There is no layer on standard input, which is a terminal: give a file, or redirect one (< FILE).");
            if (path != "-" && !File.Exists(path))
                throw StrataException.NotFound($"There is no file '{path}'.");
            var layers = ProgressBars.Run(progress => store.RegisterLayers(
                [new LayerInput { Open = () => path == "-" ? Console.OpenStandardInput() : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0) }],
                parent, progress, Session.Cancellation));
            Console.Out.WriteLine(layers[0].ChainId);
            return ExitCodes.Ok;
        });
        return command;
    }
}
