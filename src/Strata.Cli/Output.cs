using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Strata.Cli;

/// <summary>What is printed: plain tables for people, JSON for programs.</summary>
internal static class Output
{
    private const int FlushBytes = 64 * 1024;

    internal static void Json(Action<Utf8JsonWriter> write)
    {
        using var stream = Console.OpenStandardOutput();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            write(json);
        stream.Write("\n"u8);
    }

    internal static void JsonArray<T>(IEnumerable<T> items, Action<Utf8JsonWriter, T> write) => Json(json =>
    {
        json.WriteStartArray();
        foreach (var item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
            if (json.BytesPending > FlushBytes)
                json.Flush(); // of a hundred thousand things not all at once
        }
        json.WriteEndArray();
    });

    /// <summary>Columns of equal width, two spaces between them; the last as wide as it is.</summary>
    /// <param name="head">The titles.</param>
    /// <param name="rows">Enumerated twice, once for the widths: a hundred thousand rows are not kept.</param>
    internal static void Table(IReadOnlyList<string> head, IEnumerable<string[]> rows)
    {
        int[] widths = [.. head.Select(title => title.Length)];
        foreach (string[] row in rows)
        {
            for (int i = 0; i < widths.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        }
        var text = new StringBuilder();
        foreach (string[] row in rows.Prepend([.. head]))
        {
            for (int i = 0; i < row.Length; i++)
                text.Append(i == row.Length - 1 ? row[i] : row[i].PadRight(widths[i] + 2));
            text.Append('\n');
            if (text.Length < FlushBytes)
                continue;
            Console.Out.Write(text);
            text.Clear();
        }
        Console.Out.Write(text);
    }

    /// <summary>Tells on standard error what went wrong, on one line: what would control a terminal comes from images and registries, and is shown as <c>\xNN</c>.</summary>
    internal static void Error(string message)
    {
        var line = new StringBuilder("strata: ");
        foreach (char c in message)
        {
            if (!char.IsControl(c) && char.GetUnicodeCategory(c) is not (UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator))
                line.Append(c);
            else
                line.Append(c <= '\xff' ? "\\x" : "\\u").Append(((int)c).ToString(c <= '\xff' ? "x2" : "x4", CultureInfo.InvariantCulture));
        }
        Console.Error.WriteLine(line.ToString());
    }

    internal static string Size(long bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        double value = bytes;
        int unit = 0;
        for (; value >= 1000 && unit < units.Length - 1; unit++)
            value /= 1000;
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    internal static string Short(Digest digest) => digest.Hex[..12];

    internal static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
