using System.CommandLine;
using Strata.Oci;

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
            using var store = Session.Open(parse);
            int code = ExitCodes.Ok;
            foreach (string name in parse.GetRequiredValue(names))
            {
                try
                {
                    Remove(store, name, parse.GetValue(force));
                }
                catch (StrataException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.FailedPrecondition or ErrorKind.InvalidArgument)
                {
                    Console.Error.WriteLine($"strata: {e.Message}"); // the others still go
                    code = ExitCode.Of(e.Kind);
                }
            }
            return code;
        });
        return command;
    }

    private static void Remove(Store.Store store, string text, bool force)
    {
        if (store.FindWritable(text) is not null)
        {
            store.RemoveWritable(text);
            Console.Out.WriteLine($"Removed {text}");
        }
        else if (!force && ImageNames.FindByName(store, text, shared: false) is { Image.Names.Count: > 1 } named)
        {
            store.RemoveName(named.Name);
            Console.Out.WriteLine($"Removed the name {named.Name}");
        }
        else if (ImageNames.FindOwn(store, text) is { } image)
        {
            var layers = store.RemoveImage(image.Manifest);
            Console.Out.WriteLine($"Removed image {(image.Names.Count > 0 ? string.Join(", ", image.Names) : Output.Short(image.Config))} and {layers.Count} layers");
        }
        else if (ImageNames.FindLayer(store, text) is { } layer)
        {
            store.RemoveLayer(layer.ChainId);
            Console.Out.WriteLine($"Removed layer {layer.ChainId}");
        }
        else if (force && store.RemoveDamagedRow(text))
        {
            Console.Out.WriteLine($"Removed the damaged metadata of {text}");
        }
        else if (ImageNames.FindByName(store, text) is { } elsewhere)
        {
            throw StrataException.FailedPrecondition($"The image '{elsewhere.Name}' is in the shared store {elsewhere.Image.SharedFrom}, which is only read. Remove it there: strata --root {elsewhere.Image.SharedFrom} rm {text}");
        }
        else
        {
            throw StrataException.NotFound($"There is no writable layer, image or layer '{text}' in the store.");
        }
    }
}
