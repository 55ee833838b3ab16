using System.CommandLine;
using System.Text.Json;
using Strata.Oci;
using Strata.Store;

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
            using var store = Session.Open(parse);
            if (parse.GetValue(limit) is <= 0)
                throw StrataException.InvalidArgument("--limit is a number of layers, 1 or more.");
            var last = parse.GetValue(after) is not { } text ? null
                : ImageNames.FindLayer(store, text) ?? throw StrataException.NotFound($"There is no layer '{text}' in the store.");
            var layers = store.ListLayers(parse.GetValue(limit) ?? int.MaxValue, last);
            if (parse.GetValue(json))
            {
                Output.JsonArray(layers, WriteJson);
                return ExitCodes.Ok;
            }
            Output.Table(["CHAIN ID", "DIFF ID", "PARENT", "SIZE", "CREATED"], layers.Select(layer => (string[])
                [Output.Short(layer.ChainId.Digest), Output.Short(layer.DiffId.Digest), layer.Parent is { } p ? Output.Short(p.Digest) : "-", Output.Size(layer.ContentBytes), Output.Time(layer.Created)]));
            return ExitCodes.Ok;
        });
        return command;
    }

    internal static void WriteJson(Utf8JsonWriter writer, LayerRecord layer)
    {
        writer.WriteString("chainId", layer.ChainId.ToString());
        writer.WriteString("diffId", layer.DiffId.ToString());
        writer.WriteString("parent", layer.Parent?.ToString());
        writer.WriteString("driverId", layer.DriverId.ToString());
        writer.WriteNumber("tarBytes", layer.TarBytes);
        writer.WriteNumber("contentBytes", layer.ContentBytes);
        writer.WriteString("blob", layer.BlobDigest.ToString());
        writer.WriteNumber("blobBytes", layer.BlobBytes);
        writer.WriteString("created", layer.Created);
        writer.WriteString("sharedFrom", layer.SharedFrom);
    }
}
