using System.CommandLine;
using System.Globalization;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class UsageVerb
{
    internal static Command Make()
    {
        var items = new Argument<string[]>("IMAGE|LAYER|NAME") { Description = "What is measured. Default: all.", Arity = ArgumentArity.ZeroOrMore };
        var json = Session.Json();
        var command = new Command("du", "Show what images, layers and writable layers take on disk: alone, and together with others.") { items, json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var found = ProgressBars.Run(progress => store.Measure(parse.GetValue(items) ?? [], progress, Session.Cancellation));
            if (parse.GetValue(json))
            {
                Output.JsonArray(found, (w, item) =>
                {
                    w.WriteString("kind", Kind(item.Kind));
                    w.WriteString("name", item.Name);
                    w.WriteString("digest", item.Digest?.ToString());
                    w.WriteString("sharedFrom", item.SharedFrom);
                    foreach (var (name, usage) in new[] { ("own", item.Own), ("exclusive", item.Exclusive), ("shared", item.Shared), ("freed", item.Freed) })
                    {
                        w.WriteStartObject(name);
                        w.WriteNumber("bytes", usage.SizeBytes);
                        w.WriteNumber("inodes", usage.Inodes);
                        w.WriteEndObject();
                    }
                });
                return ExitCodes.Ok;
            }
            Output.Table(["KIND", "NAME", "OWN", "EXCLUSIVE", "SHARED", "INODES", "FREED BY rm"], found.Select(item => (string[])
            [
                Kind(item.Kind) + (item.SharedFrom is null ? "" : " (shared)"), item.Kind == ItemKind.Layer ? Output.Short(item.Digest!.Value) : item.Name, Output.Size(item.Own.SizeBytes), Output.Size(item.Exclusive.SizeBytes),
                Output.Size(item.Shared.SizeBytes), item.Total.Inodes.ToString(CultureInfo.InvariantCulture), Output.Size(item.Freed.SizeBytes),
            ]));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Kind(ItemKind kind) => kind switch { ItemKind.Image => "image", ItemKind.Layer => "layer", _ => "writable" };
}
