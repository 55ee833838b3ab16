using System.CommandLine;
using Strata.Api;

namespace Strata.Cli.Verbs;

internal static class RemoveVerb
{
    internal static Command Make()
    {
        var names = new Argument<string[]>("NAME|IMAGE|LAYER") { Description = "Writable layers by name, images by name or ID, layers by ID.", Arity = ArgumentArity.OneOrMore };
        var force = new Option<bool>("--force", "-f") { Description = "Also what is damaged: an image all of whose names go, a row of the metadata that can't be read, by its key." };
        var command = new Command("rm", "Remove writable layers, images (with the layers that nothing else uses), or single layers.") { names, force };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            int code = ExitCodes.Ok;
            foreach (string name in parse.GetRequiredValue(names))
            {
                try
                {
                    Tell(store.Remove(name, parse.GetValue(force)));
                }
                catch (StrataException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.FailedPrecondition or ErrorKind.InvalidArgument)
                {
                    Output.Error(e.Message); // the others still go
                    code = ExitCode.Of(e.Kind);
                }
            }
            return code;
        });
        return command;
    }

    private static void Tell(Removed removed) => Console.Out.WriteLine(removed.Kind switch
    {
        RemovedKind.Name => $"Removed the name {removed.Name}",
        RemovedKind.Image => $"Removed image {removed.Name} and {removed.Layers} layers",
        RemovedKind.Layer => $"Removed layer {removed.Name}",
        RemovedKind.DamagedRow => $"Removed the damaged metadata of {removed.Name}",
        _ => $"Removed {removed.Name}",
    });
}
