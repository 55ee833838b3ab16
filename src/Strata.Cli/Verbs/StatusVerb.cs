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
            using var store = Session.Open(parse);
            var writable = store.ListWritable();
            var (layers, images, _) = store.Count();
            var status = store.Driver.GetStatus();
            if (parse.GetValue(json))
            {
                Output.Json(w =>
                {
                    w.WriteStartObject();
                    w.WriteString("root", store.Root);
                    w.WriteString("driver", store.Driver.Name);
                    w.WriteStartObject("driverStatus");
                    foreach (var item in status)
                        w.WriteString(item.Key, item.Value);
                    w.WriteEndObject();
                    w.WriteNumber("images", images);
                    w.WriteNumber("layers", layers);
                    w.WriteStartArray("writable");
                    foreach (var layer in writable)
                    {
                        w.WriteStartObject();
                        w.WriteString("name", layer.Name);
                        w.WriteString("parent", layer.Parent?.ToString());
                        w.WriteString("image", layer.Image?.ToString());
                        w.WriteString("mountedAt", MountedAt(store, layer));
                        w.WriteString("created", layer.Created);
                        w.WriteString("idMapping", MappingOf(store, layer));
                        w.WriteEndObject();
                    }
                    w.WriteEndArray();
                    w.WriteEndObject();
                });
                return ExitCodes.Ok;
            }
            Console.Out.WriteLine($"root: {store.Root}\ndriver: {store.Driver.Name}");
            foreach (var item in status)
                Console.Out.WriteLine($"  {item.Key}: {item.Value}");
            Console.Out.WriteLine($"images: {images}\nlayers: {layers}\nwritable layers: {writable.Count}");
            if (writable.Count > 0)
                Output.Table(["NAME", "PARENT", "MOUNTED AT", "CREATED", "IDS"], writable.Select(w => (string[])
                    [w.Name, w.Parent is { } p ? Output.Short(p.Digest) : "-", MountedAt(store, w) ?? "-", Output.Time(w.Created), MappingOf(store, w) ?? "-"]));
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>One damaged layer must not hide the others.</summary>
    private static string? MountedAt(Store.Store store, Store.WritableRecord record)
    {
        try
        {
            return store.FindMountPoint(record);
        }
        catch (StrataException e)
        {
            return $"({e.Kind}: its files are missing or damaged)";
        }
    }

    private static string? MappingOf(Store.Store store, Store.WritableRecord record)
    {
        try
        {
            return store.FindIdMapping(record)?.ToString();
        }
        catch (StrataException e)
        {
            return $"({e.Kind})";
        }
    }
}
