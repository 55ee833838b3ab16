using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class RebuildVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var command = new Command("rebuild", "Make the store's metadata again from what lies on disk, when it is lost or damaged. Nothing else may use the store meanwhile; the old metadata is kept aside.") { json };
        command.SetAction(parse =>
        {
            var report = ProgressBars.Run(progress => Store.Store.Rebuild(Session.OptionsOf(parse), progress, Session.Cancellation));
            if (parse.GetValue(json))
            {
                Output.Json(w =>
                {
                    w.WriteStartObject();
                    w.WriteNumber("layers", report.Layers);
                    w.WriteNumber("images", report.Images);
                    w.WriteNumber("writable", report.Writable);
                    w.WriteNumber("dockerLayers", report.GraphLayers);
                    w.WriteString("keptAside", report.KeptAside);
                    w.WriteStartArray("unplaced");
                    foreach (var (subject, why) in report.Unplaced)
                    {
                        w.WriteStartObject();
                        w.WriteString("subject", subject);
                        w.WriteString("why", why);
                        w.WriteEndObject();
                    }
                    w.WriteEndArray();
                    w.WriteEndObject();
                });
                return ExitCodes.Ok;
            }
            foreach (var (subject, why) in report.Unplaced)
                Console.Out.WriteLine($"Not placed: {subject}. {why}");
            string docker = report.GraphLayers > 0 ? $", {report.GraphLayers} of Docker's" : "";
            Console.Out.WriteLine($"Named again: {report.Images} images, {report.Layers} layers, {report.Writable} writable layers{docker}. Now compare them with what they must be: strata check --deep");
            if (report.KeptAside is { } aside)
                Console.Out.WriteLine($"The metadata of before is kept as {aside}");
            return ExitCodes.Ok;
        });
        return command;
    }
}
