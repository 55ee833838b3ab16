using System.CommandLine;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class CheckVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var deep = new Option<bool>("--deep") { Description = "Read every byte and compare it with the layers' digests." };
        var repair = new Option<bool>("--repair") { Description = "Make again what can be made again, fetch damaged layers again from where they came, and remove what nothing names." };
        var from = new Option<string[]>("--from") { Description = "With --repair: an image's file or folder in which damaged layers are looked for first; may be given more than once.", HelpName = "IMAGEFILE" };
        var dockerGone = new Option<bool>("--docker-gone") { Description = "With --repair: Docker's data root is gone for good; remove all layers that were Docker's." };
        var command = new Command("check", "Compare layers, images and writable layers with what they must be, and tell what lies there for nothing. Fails if something is damaged and stays so.") { deep, repair, from, dockerGone, json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var report = ProgressBars.Run(progress => store.Check(
                parse.GetValue(deep), parse.GetValue(repair), parse.GetValue(dockerGone), parse.GetValue(from) ?? [], progress, Session.Cancellation));
            if (parse.GetValue(json))
            {
                Output.JsonArray(report.Findings, (w, finding) =>
                {
                    w.WriteString("kind", finding.Kind == FindingKind.Damage ? "damage" : "leftover");
                    w.WriteString("subject", finding.Subject);
                    w.WriteString("problem", finding.Problem);
                    w.WriteBoolean("repaired", finding.Repaired);
                    w.WriteString("advice", finding.Advice);
                    if (finding.SizeBytes >= 0)
                        w.WriteNumber("bytes", finding.SizeBytes);
                    else
                        w.WriteNull("bytes");
                });
            }
            else
            {
                Tell(report);
            }
            return report.IsDamaged ? ExitCode.Of(ErrorKind.Corrupt) : ExitCodes.Ok;
        });
        return command;
    }

    private static void Tell(CheckReport report)
    {
        foreach (var finding in report.Findings)
        {
            string size = finding.SizeBytes >= 0 ? $" ({Output.Size(finding.SizeBytes)})" : "";
            string end = finding.Repaired ? finding.Kind == FindingKind.Leftover ? "Removed." : "Repaired." : finding.Advice;
            Console.Out.WriteLine($"{finding.Subject}: {finding.Problem}{size} {end}");
        }
        string all = $"{report.Layers} layers, {report.Images} images, {report.Writable} writable layers";
        Console.Out.WriteLine(report.Findings.Count == 0 ? $"{all}: all is as it should be."
            : report.IsDamaged ? $"{all}: some are damaged."
            : report.Findings.Any(finding => finding.Kind == FindingKind.Damage) ? $"{all}: none is damaged any more." : $"{all}: none is damaged.");
    }
}
