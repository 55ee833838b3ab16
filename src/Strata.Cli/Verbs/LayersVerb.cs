using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class LayersVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("layers", "List the layers of the store.") { json };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var layers = store.ListLayers();
            if (parse.GetValue(json))
            {
                Output.JsonArray(layers, (writer, layer) =>
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
                });
                return ExitCodes.Ok;
            }
            Output.Table(["CHAIN ID", "DIFF ID", "PARENT", "SIZE", "CREATED"], layers.Select(layer => (string[])
                [Output.Short(layer.ChainId.Digest), Output.Short(layer.DiffId.Digest), layer.Parent is { } p ? Output.Short(p.Digest) : "-", Output.Size(layer.ContentBytes), Output.Time(layer.Created)]));
            return ExitCodes.Ok;
        });
        return command;
    }
}
