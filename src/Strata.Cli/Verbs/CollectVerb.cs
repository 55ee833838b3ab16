using System.CommandLine;
using Strata.Store;

namespace Strata.Cli.Verbs;

internal static class CollectVerb
{
    internal static Command Make()
    {
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Change nothing: tell what would go." };
        var unnamed = new Option<bool>("--unnamed-images") { Description = "Images without a name go too, if no writable layer was made from them and no lease holds them." };
        var json = Session.Json();
        var command = new Command("gc", "Remove the layers that no image, no writable layer and no lease needs, and what interrupted removals left.") { dryRun, unnamed, json };
        command.SetAction(parse =>
        {
            bool dry = parse.GetValue(dryRun);
            using var store = Session.OpenOperations(parse);
            var report = ProgressBars.Run(progress =>
                store.Collect(dry, parse.GetValue(unnamed), progress, Session.Cancellation));
            if (parse.GetValue(json))
                Print(report);
            else
                Tell(report, dry, TrashDeleter.HasWork);
            foreach (var failure in report.Failures)
                Output.Error($"{failure.Subject} stays: {failure.Problem} {failure.Advice}");
            return report.Failures.Count == 0 ? ExitCodes.Ok : ExitCodes.Failed;
        });
        return command;
    }

    private static void Tell(CollectReport report, bool dry, bool later)
    {
        foreach (var image in report.Images)
            Console.Out.WriteLine($"image {Output.Short(image.Config)} without a name");
        foreach (var (layer, usage) in report.Layers)
            Console.Out.WriteLine($"layer {Output.Short(layer.ChainId.Digest)}  {Output.Size(usage.SizeBytes)}");
        foreach (var (digest, usage) in report.Documents)
            Console.Out.WriteLine($"document {Output.Short(digest)}  {Output.Size(usage.SizeBytes)}");
        foreach (var (path, usage) in report.Leftovers)
            Console.Out.WriteLine($"leftover {path}  {Output.Size(usage.SizeBytes)}");
        foreach (string lease in report.EndedLeases)
            Console.Out.WriteLine($"lease {lease}, which has ended");
        var total = report.Total;
        Console.Out.WriteLine($"{(dry ? "Would remove" : "Removed")} {report.Layers.Count} layers: {Output.Size(total.SizeBytes)}, {total.Inodes} inodes{(later && !dry ? ", whose files are being deleted" : "")}");
    }

    private static void Print(CollectReport report) => Output.Json(w =>
    {
        w.WriteStartObject();
        w.WriteStartArray("layers");
        foreach (var (layer, usage) in report.Layers)
        {
            w.WriteStartObject();
            w.WriteString("chainId", layer.ChainId.ToString());
            w.WriteNumber("bytes", usage.SizeBytes);
            w.WriteNumber("inodes", usage.Inodes);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteStartArray("images");
        foreach (var image in report.Images)
            w.WriteStringValue(image.Manifest.ToString());
        w.WriteEndArray();
        w.WriteStartArray("documents");
        foreach (var (digest, _) in report.Documents)
            w.WriteStringValue(digest.ToString());
        w.WriteEndArray();
        w.WriteStartArray("leftovers");
        foreach (var (path, usage) in report.Leftovers)
        {
            w.WriteStartObject();
            w.WriteString("path", path);
            w.WriteNumber("bytes", usage.SizeBytes);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteStartArray("endedLeases");
        foreach (string lease in report.EndedLeases)
            w.WriteStringValue(lease);
        w.WriteEndArray();
        w.WriteNumber("bytes", report.Total.SizeBytes);
        w.WriteNumber("inodes", report.Total.Inodes);
        w.WriteEndObject();
    });
}
