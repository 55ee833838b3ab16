using System.CommandLine;
using System.Globalization;
using Strata.Oci;

namespace Strata.Cli.Verbs;

internal static class LeaseVerb
{
    internal static Command Make() =>
        new("lease", "Leases keep layers and images from being collected by 'gc'. Whatever is made with --lease NAME is put under it.") { Create(), Add(), List(), Remove() };

    private static Command Create()
    {
        var name = new Argument<string?>("NAME") { Description = "Its name. Default: one is found and printed.", Arity = ArgumentArity.ZeroOrOne };
        var expires = new Option<string?>("--expires") { Description = "How long it lasts, such as 90s, 30m, 24h or 7d. Default: until it is removed.", HelpName = "TIME" };
        var command = new Command("create", "Make a lease and print its name.") { name, expires };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            Console.Out.WriteLine(store.CreateLease(parse.GetValue(name), parse.GetValue(expires) is { } text ? Lifetime(text) : null));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Add()
    {
        var name = new Argument<string>("NAME") { Description = "The lease." };
        var items = new Argument<string[]>("IMAGE|LAYER") { Description = "What it shall keep.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("add", "Put images or layers under a lease.") { name, items };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            string lease = parse.GetRequiredValue(name);
            foreach (string item in parse.GetRequiredValue(items))
            {
                if (ImageNames.Find(store, item) is { } image)
                    store.AddToLease(lease, image.Manifest);
                else if (ImageNames.FindLayer(store, item) is { } layer)
                    store.AddToLease(lease, layer.ChainId);
                else
                    throw StrataException.NotFound($"There is neither an image nor a layer '{item}' in the store. 'strata images' and 'strata layers' list them.");
            }
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command List()
    {
        var json = Session.Json();
        var command = new Command("list", "List the leases.") { json };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var leases = store.ListLeases();
            if (parse.GetValue(json))
            {
                Output.JsonArray(leases, (w, lease) =>
                {
                    w.WriteString("name", lease.Name);
                    w.WriteString("created", lease.Created);
                    if (lease.Expires is { } end)
                        w.WriteString("expires", end);
                    else
                        w.WriteNull("expires");
                    w.WriteStartArray("layers");
                    foreach (var layer in lease.Layers)
                        w.WriteStringValue(layer.ToString());
                    w.WriteEndArray();
                    w.WriteStartArray("images");
                    foreach (var image in lease.Images)
                        w.WriteStringValue(image.ToString());
                    w.WriteEndArray();
                });
                return ExitCodes.Ok;
            }
            Output.Table(["NAME", "LAYERS", "IMAGES", "CREATED", "EXPIRES"], leases.Select(lease => (string[])
            [
                lease.Name, lease.Layers.Count.ToString(CultureInfo.InvariantCulture), lease.Images.Count.ToString(CultureInfo.InvariantCulture), Output.Time(lease.Created),
                lease.Expires is { } end ? Output.Time(end) : "never",
            ]));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Remove()
    {
        var names = new Argument<string[]>("NAME") { Description = "The leases.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("rm", "End leases. What was under them stays until 'gc'.") { names };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            foreach (string name in parse.GetRequiredValue(names))
                store.RemoveLease(name);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static TimeSpan Lifetime(string text)
    {
        int seconds = text.Length < 2 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (seconds == 0 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count == 0)
            throw StrataException.InvalidArgument($"'{text}' is no time: expected a number and s, m, h or d, such as 24h.");
        return TimeSpan.FromSeconds((long)count * seconds);
    }
}
