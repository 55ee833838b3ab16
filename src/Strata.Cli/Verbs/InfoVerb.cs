using System.CommandLine;
using Strata.Api;

namespace Strata.Cli.Verbs;

internal static class InfoVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("info", "Tell which drivers can serve here, which would be chosen, and for each that can't the reason. Makes no store.") { json };
        command.SetAction(parse =>
        {
            var info = Look(parse);
            if (parse.GetValue(json))
            {
                Output.Json(w =>
                {
                    w.WriteStartObject();
                    foreach (var (key, value) in info.Facts)
                        w.WriteString(key, value);
                    w.WriteStartArray("drivers");
                    foreach (var probe in info.Drivers)
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
            foreach (var (key, value) in info.Facts)
                Console.Out.WriteLine($"{key}: {value}");
            Console.Out.WriteLine("drivers:");
            foreach (var probe in info.Drivers)
                Console.Out.WriteLine($"  {probe.Name}: {probe.Reason ?? "can serve"}");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static HostFacts Look(ParseResult parse)
    {
        if (Session.ApiOf(parse) is not null)
        {
            using var daemon = Session.OpenOperations(parse);
            return daemon.GetFacts();
        }
        string root = Session.RootOf(parse);
        Rootless.EnterFor(root, parse.GetValue(Session.DriverOption), makesStore: false);
        return HostFacts.Gather(root, parse.GetValue(Session.DriverOption), "strata " + ProgramVersion.Number, Rootless.WhyNot);
    }
}
