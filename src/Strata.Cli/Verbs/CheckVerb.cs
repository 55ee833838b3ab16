using System.CommandLine;

namespace Strata.Cli.Verbs;

internal static class CheckVerb
{
    internal static Command Make()
    {
        var json = Session.Json();
        var deep = new Option<bool>("--deep") { Description = "Read every byte and compare it with the layers' digests." };
        var repair = new Option<bool>("--repair") { Description = "Make again what can be made again. Nothing is removed." };
        var command = new Command("check", "Compare the layers with what they must be. Fails if something is wrong and stays so.") { deep, repair, json };
        command.SetAction(parse =>
        {
            using var store = Session.Open(parse);
            var findings = ProgressBars.Run(progress => store.Check(parse.GetValue(deep), parse.GetValue(repair), progress, Session.Cancellation));
            if (parse.GetValue(json))
            {
                Output.JsonArray(findings, (w, finding) =>
                {
                    w.WriteString("subject", finding.Subject);
                    w.WriteString("problem", finding.Problem);
                    w.WriteBoolean("repaired", finding.Repaired);
                    w.WriteString("advice", finding.Advice);
                });
            }
            else
            {
                foreach (var finding in findings)
                    Console.Out.WriteLine($"{finding.Subject}: {finding.Problem} {(finding.Repaired ? "Repaired." : finding.Advice)}");
                if (findings.Count == 0)
                    Console.Out.WriteLine("All is as it should be.");
            }
            return findings.All(finding => finding.Repaired) ? ExitCodes.Ok : ExitCodes.Of(ErrorKind.Corrupt);
        });
        return command;
    }
}
