using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class StatusVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("status", "Show the store's driver, what it holds, and its writable layers with where they are mounted.") { json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var writable = store.ListWritable();
            var status = store.GetStatus();
            if (parse.GetValue(json))
            {
                Output.Json(w =>
                {
                    w.WriteStartObject();
                    w.WriteString("root", status.Root);
                    w.WriteString("driver", status.Driver);
                    w.WriteStartObject("driverStatus");
                    foreach (var item in status.DriverStatus)
                        w.WriteString(item.Key, item.Value);
                    w.WriteEndObject();
                    w.WriteNumber("images", status.Held.Images);
                    w.WriteNumber("layers", status.Held.Layers);
                    w.WriteStartArray("writable");
                    foreach (var layer in writable)
                    {
                        w.WriteStartObject();
                        w.WriteString("name", layer.Name);
                        w.WriteString("parent", layer.Parent?.ToString());
                        w.WriteString("image", layer.Image?.ToString());
                        w.WriteString("mountedAt", layer.MountedAt);
                        w.WriteString("created", layer.Created);
                        w.WriteString("idMapping", layer.IdMapping);
                        w.WriteEndObject();
                    }
                    w.WriteEndArray();
                    w.WriteEndObject();
                });
                return ExitCodes.Ok;
            }
            Console.Out.WriteLine($"root: {status.Root}\ndriver: {status.Driver}");
            foreach (var item in status.DriverStatus)
                Console.Out.WriteLine($"  {item.Key}: {item.Value}");
            Console.Out.WriteLine($"images: {status.Held.Images}\nlayers: {status.Held.Layers}\nwritable layers: {writable.Count}");
            if (writable.Count > 0)
                Output.Table(["NAME", "PARENT", "MOUNTED AT", "CREATED", "IDS"], writable.Select(w => (string[])
                    [w.Name, w.Parent is { } p ? Output.Short(p.Digest) : "-", w.MountedAt ?? "-", Output.Time(w.Created), w.IdMapping ?? "-"]));
            return ExitCodes.Ok;
        });
        return command;
    }
}
