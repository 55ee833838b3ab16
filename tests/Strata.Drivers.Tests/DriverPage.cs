using System.Text.RegularExpressions;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>A page of docs/guide/drivers, as far as it can be held against the driver that it tells of.</summary>
internal sealed partial class DriverPage
{
    /// <summary>The programs whose commands on a page change nothing and mount nothing.</summary>
    private static readonly string[] Lookers = ["btrfs", "cat", "getfattr", "ls", "lsattr", "sha256sum", "zfs", "zpool"];

    private readonly string _name;

    /// <summary>Reads one.</summary>
    /// <param name="name">The driver's name, or README.</param>
    internal DriverPage(string name)
    {
        _name = name;
        Text = File.ReadAllText(Path.Combine(Folder, name + ".md"));
    }

    /// <summary>Where the pages are.</summary>
    internal static string Folder { get; } = Path.GetDirectoryName(FeatureTable.PageOf())!;

    internal string Text { get; }

    /// <summary>The drivers' options that it names: <c>NAME.KEY=</c>.</summary>
    internal string[] DriverOptions => [.. Regex.Matches(Text, $@"(?<![\w.-]){Regex.Escape(_name)}\.([a-z_]+)=").Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The storage options that it names: <c>--storage-opt KEY=</c>.</summary>
    internal string[] StorageOptions => [.. Regex.Matches(Text, "--storage-opt ([a-z_]+)=").Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>What it says that the status shows: names in double quotes, in the paragraph on it.</summary>
    private string[] StatusKeys => [.. QuotedName().Matches(Paragraph("**Status**")).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)];

    /// <summary>Holds the page against a driver that lives.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="replace">What stands for something else in its commands, <c>ROOT</c>, <c>ID</c>, and what it stands for.</param>
    internal void Check(IDriver driver, params (string Word, string Value)[] replace)
    {
        Assert.Equal(driver.GetStatus().Select(item => item.Key).Order(StringComparer.Ordinal), StatusKeys);
        foreach (string command in Commands())
        {
            string real = replace.Aggregate(command, (text, r) => Regex.Replace(text, $@"\b{r.Word}\b", r.Value));
            Assert.False(Placeholder().IsMatch(real), $"{_name}.md: nothing is known to put into '{real}'");
            var (exitCode, output, error) = Testing.Commands.TryRun("sh", "-c", real);
            Assert.True(exitCode == 0 && (output.Length > 0 || command.StartsWith("getfattr", StringComparison.Ordinal)), $"{_name}.md: {real}: {exitCode}\n{output}{error}");
        }
    }

    /// <summary>The paths of the layout: below the driver's home, a layer's ID as <c>ID</c>.</summary>
    internal IEnumerable<string> Layout()
    {
        string home = $"ROOT/{_name}/";
        return Spans(Paragraph("**Layout**")).Where(span => !span.Contains(' ', StringComparison.Ordinal))
            .Select(span => span.StartsWith(home, StringComparison.Ordinal) ? span[home.Length..] : span)
            .Where(span => LayerId().IsMatch(span));
    }

    private IEnumerable<string> Commands() => Spans(Text).Where(span => Lookers.Contains(span.Split(' ')[0]) && span.Contains(' ', StringComparison.Ordinal) && !Changes().IsMatch(span));

    private static IEnumerable<string> Spans(string text) => CodeSpan().Matches(text).Select(m => m.Groups[1].Value);

    private string Paragraph(string begin) =>
        Text.Split("\n\n").SingleOrDefault(p => p.StartsWith(begin, StringComparison.Ordinal)) ?? throw new InvalidOperationException($"{_name}.md has no paragraph {begin}");

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex("\"([^\"]+)\"")]
    private static partial Regex QuotedName();

    [GeneratedRegex(@"\bID\b")]
    private static partial Regex LayerId();

    [GeneratedRegex(@"\b[A-Z]{2,}\b")]
    private static partial Regex Placeholder();

    /// <summary>Commands that change something or wait, and zfs-fuse's lack of diff.</summary>
    [GeneratedRegex("^(zfs (set|diff|clone)|btrfs subvolume sync)")]
    private static partial Regex Changes();
}
