using System.CommandLine;
using Strata.Drivers;
using Strata.Drivers.Rootless;

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
            Rootless.EnterFor(root, parse.GetValue(Session.DriverOption), makesStore: false);
            var registry = DriverRegistry.CreateDefault();
            var found = registry.Probe(root);
            var choice = registry.Predict(root, parse.GetValue(Session.DriverOption), found);
            var facts = new (string Key, string Value)[]
            {
                ("version", "strata " + ProgramVersion.Number),
                ("root", Path.GetFullPath(root)),
                ("backing file system", FsMagic.Of(root).ToString()),
                ("size limits", DriverRegistry.DescribeLimits(root)),
                ("kernel", File.ReadAllText("/proc/sys/kernel/osrelease").Trim()),
                ("privileged", Privileged()),
                ("owners are mapped", Mapping(root)),
                ("used with", string.Join(", ", registry.FindPrior(root)) is { Length: > 0 } prior ? prior : "nothing yet"),
                ("would choose", choice.Name ?? "none"),
                ("because", choice.Why),
            };
            if (parse.GetValue(json))
            {
                Output.Json(w =>
                {
                    w.WriteStartObject();
                    foreach (var (key, value) in facts)
                        w.WriteString(key, value);
                    w.WriteStartArray("drivers");
                    foreach (var probe in found)
                    {
                        w.WriteStartObject();
                        w.WriteString("name", probe.Name);
                        w.WriteBoolean("usable", probe.CanServe);
                        w.WriteString("reason", probe.Reason);
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
            foreach (var probe in found)
                Console.Out.WriteLine($"  {probe.Name}: {probe.Reason ?? "can serve"}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Mapping(string root)
    {
        try
        {
            return DriverRegistry.DescribeMapping(root);
        }
        catch (Exception e) when (e is StrataException or IOException or UnauthorizedAccessException)
        {
            return "not found out: " + e.Message;
        }
    }

    private static string Privileged()
    {
        if (RootlessNamespace.Current is not null)
            return $"no: in a user namespace of its own, with {RootlessNamespace.CountIds()} IDs";
        if (Environment.IsPrivilegedProcess)
            return "yes";
        return $"no: nothing can be mounted, vfs does all that needs no mount. No user namespace: {Rootless.WhyNot ?? "it is switched off"}";
    }
}
