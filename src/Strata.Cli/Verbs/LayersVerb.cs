using System.CommandLine;
using Strata.Api;

namespace Strata.Cli.Verbs;

internal static class LayersVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var limit = new Option<int?>("--limit") { Description = "At most so many, in the order in which they came.", HelpName = "N" };
        var after = new Option<string?>("--after") { Description = "Only those that came after this one: the last of the page before.", HelpName = "LAYER" };
        var command = new Command("layers", "List the layers of the store.") { limit, after, json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            if (parse.GetValue(limit) is <= 0)
                throw StrataException.InvalidArgument("--limit is a number of layers, 1 or more.");
            var layers = store.ListLayers(parse.GetValue(limit) ?? int.MaxValue, parse.GetValue(after));
            if (parse.GetValue(json))
            {
                Output.JsonArray(layers, RecordJson.Write);
                return ExitCodes.Ok;
            }
            Output.Table(["CHAIN ID", "DIFF ID", "PARENT", "SIZE", "CREATED"], layers.Select(layer => (string[])
                [Output.Short(layer.ChainId.Digest), Output.Short(layer.DiffId.Digest), layer.Parent is { } p ? Output.Short(p.Digest) : "-", Output.Size(layer.ContentBytes), Output.Time(layer.Created)]));
            return ExitCodes.Ok;
        });
        return command;
    }
}
