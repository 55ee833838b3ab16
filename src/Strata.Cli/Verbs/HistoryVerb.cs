using System.CommandLine;
using System.Globalization;

namespace Strata.Cli.Verbs;

internal static class HistoryVerb
{
    private const int ShownLength = 60;

    internal static Command Make()
    {
        var image = new Argument<string>("IMAGE") { Description = "The image, by name or ID." };
        var whole = new Option<bool>("--no-trunc") { Description = "Print commands and IDs in full." };
        var json = Session.Json();
        var command = new Command("history", "Show the steps by which an image was made, the last first, and the layers that they made.") { image, whole, PlatformChoice.Option, json };
        command.SetAction(parse =>
        {
            using var store = Session.OpenOperations(parse);
            var steps = store.History(parse.GetRequiredValue(image), parse.GetValue(PlatformChoice.Option));
            if (parse.GetValue(json))
            {
                Output.JsonArray(steps, (writer, step) =>
                {
                    writer.WriteString("created", step.Entry.Created);
                    writer.WriteString("createdBy", step.Entry.CreatedBy);
                    writer.WriteString("comment", step.Entry.Comment);
                    writer.WriteString("author", step.Entry.Author);
                    writer.WriteBoolean("emptyLayer", step.Layer is null);
                    writer.WriteNumber("sizeBytes", step.Layer?.ContentBytes ?? 0);
                    writer.WriteString("chainId", step.Layer?.ChainId.ToString());
                    writer.WriteString("diffId", step.Layer?.DiffId.ToString());
                });
                return ExitCodes.Ok;
            }
            bool full = parse.GetValue(whole);
            Output.Table(["LAYER", "CREATED", "SIZE", "CREATED BY", "COMMENT"], steps.Select(step => (string[])
            [
                step.Layer is null ? "-" : full ? step.Layer.ChainId.ToString() : Output.Short(step.Layer.ChainId.Digest),
                Time(step.Entry.Created),
                step.Layer is null ? "0 B" : Output.Size(step.Layer.ContentBytes),
                Shown(step.Entry.CreatedBy, full),
                Shown(step.Entry.Comment, full),
            ]));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? Output.Time(time) : "-";

    /// <summary>On one line: what controls a terminal comes from the image, and is only shown.</summary>
    private static string Shown(string? text, bool full)
    {
        string line = string.Concat((text ?? "").Select(c => char.IsControl(c) ? ' ' : c));
        return full || line.Length <= ShownLength ? line : line[..(ShownLength - 1)] + "…";
    }
}
