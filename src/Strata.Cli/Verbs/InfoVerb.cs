using System.CommandLine;
using Strata.Drivers;

namespace Strata.Cli.Verbs;

internal static class InfoVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("info", "Tell which drivers can serve here, which would be chosen, and for each that can't the reason. Makes no store.") { json };
        command.SetAction(parse =>
        {
            string root = Session.RootOf(parse);
            var registry = DriverRegistry.CreateDefault();
            string probeRoot = Path.Combine(Path.Exists(root) ? root : NearestExisting(root), ".strata-probe-" + LayerId.New().ToString()[..8]);
            var found = new List<(string Name, string? Why)>();
            foreach (string name in registry.Names)
                found.Add((name, Probe(registry, name, probeRoot)));
            string? chosen = found.FirstOrDefault(f => f.Why is null).Name;
            var facts = new (string Key, string Value)[]
            {
                ("version", "strata " + ProgramVersion.Number),
                ("root", Path.GetFullPath(root)),
                ("backing file system", FsMagic.Of(root).ToString()),
                ("kernel", File.ReadAllText("/proc/sys/kernel/osrelease").Trim()),
                ("privileged", Environment.IsPrivilegedProcess ? "yes" : "no: nothing can be mounted; vfs does all that needs no mount"),
                ("used with", string.Join(", ", registry.FindPrior(root)) is { Length: > 0 } prior ? prior : "nothing yet"),
                ("would choose", chosen ?? "none"),
            };
            if (parse.GetValue(json))
            {
                Output.Json(w =>
                {
                    w.WriteStartObject();
                    foreach (var (key, value) in facts)
                        w.WriteString(key, value);
                    w.WriteStartArray("drivers");
                    foreach (var (name, why) in found)
                    {
                        w.WriteStartObject();
                        w.WriteString("name", name);
                        w.WriteBoolean("usable", why is null);
                        w.WriteString("reason", why);
                        w.WriteEndObject();
                    }
                    w.WriteEndArray();
                    w.WriteEndObject();
                });
                return ExitCodes.Ok;
            }
            foreach (var (key, value) in facts)
                Console.Out.WriteLine($"{key}: {value}");
            Console.Out.WriteLine("drivers:");
            foreach (var (name, why) in found)
                Console.Out.WriteLine($"  {name}: {why ?? "can serve"}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string NearestExisting(string path)
    {
        string? at = Path.GetFullPath(path);
        while (at is not null && !Directory.Exists(at))
            at = Path.GetDirectoryName(at);
        return at ?? "/";
    }

    private static string? Probe(DriverRegistry registry, string name, string root)
    {
        try
        {
            registry.Get(name, root);
            return null;
        }
        catch (DriverUnusableException e)
        {
            return e.Message;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return $"the root can't be written: {e.Message}";
        }
        finally
        {
            if (Directory.Exists(root))
                Directory.Delete(root, recursive: true);
        }
    }
}
