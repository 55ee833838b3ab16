using System.Collections.Concurrent;
using System.Text;
using Strata.Drivers.Tests;

[assembly: AssemblyFixture(typeof(FeatureTable))]

namespace Strata.Drivers.Tests;

/// <summary>
/// What the suite found each driver to do, feature by feature, and the table of it in docs/guide/drivers/README.md: at the end of a run the cells that were found are
/// compared with the committed ones. With STRATA_WRITE_FEATURES=1 the table is written instead (drivers that were not run keep their cells).
/// </summary>
public sealed class FeatureTable : IDisposable
{
    private const string Begin = "<!-- features: written by the tests of Strata.Drivers, see FeatureTable.cs -->";
    private const string End = "<!-- end of features -->";

    /// <summary>The features, in the order of the table's rows.</summary>
    private static readonly string[] Features =
    [
        Feature.FileSystems, Feature.Mounts, Feature.Shares, Feature.Exact, Feature.Parallel, Feature.Xattrs, Feature.LongestName, Feature.Devices, Feature.Whiteout, Feature.RenameDirectory, Feature.ReadOnlyParent, Feature.Label,
        Feature.SizeLimit, Feature.InodeLimit, Feature.Replace, Feature.Rebase,
    ];

    private static readonly string[] Drivers = ["erofs", "overlay", "btrfs", "zfs", "aufs", "fuse-overlayfs", "vfs"];
    private static readonly ConcurrentDictionary<(string Driver, string Feature, string FileSystem), string> Found = new();

    /// <summary>Notes what a driver was found to do.</summary>
    public static void Note(string driver, string fileSystem, string feature, string found) => Found[(driver, feature, fileSystem)] = found;

    /// <summary>Compares, or writes.</summary>
    public void Dispose()
    {
        if (Found.IsEmpty)
            return;
        string page = PageOf();
        string text = File.ReadAllText(page);
        var cells = Read(text);
        var differ = new List<string>();
        bool write = Environment.GetEnvironmentVariable("STRATA_WRITE_FEATURES") == "1";
        foreach (string driver in Found.Keys.Select(key => key.Driver).Distinct().ToArray())
        {
            foreach (string feature in Features)
            {
                if (CellOf(driver, feature) is not { } cell)
                    continue;
                // A run of some file systems only says nothing of the others.
                bool whole = FileSystemsOf(driver).All(type => Found.Keys.Any(key => key.Driver == driver && key.FileSystem == type && key.Feature == feature));
                if (!whole && !write)
                    continue;
                if (!write && cells.GetValueOrDefault((driver, feature)) != cell)
                    differ.Add($"{driver}, {feature}: found '{cell}', the page says '{cells.GetValueOrDefault((driver, feature))}'");
                cells[(driver, feature)] = cell;
            }
        }
        if (write)
            File.WriteAllText(page, text[..(text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)] + "\n" + Render(cells) + text[text.IndexOf(End, StringComparison.Ordinal)..]);
        Assert.True(differ.Count == 0, "docs/guide/drivers/README.md does not say what the suite found. Write it anew: STRATA_WRITE_FEATURES=1, and run all of this project's tests.\n" + string.Join('\n', differ));
    }

    private static IEnumerable<string> FileSystemsOf(string driver) => Rig.All.Where(c => c.Driver == driver).Select(c => c.FileSystem);

    /// <summary>One answer if all file systems gave the same; else each with where it is so.</summary>
    private static string? CellOf(string driver, string feature)
    {
        var found = Found.Where(f => f.Key.Driver == driver && f.Key.Feature == feature).ToArray();
        if (found.Length == 0)
            return null;
        if (feature == Feature.FileSystems)
            return string.Join(", ", found.Select(f => f.Value).Order(StringComparer.Ordinal));
        var answers = found.GroupBy(f => f.Value).OrderBy(g => g.Key, StringComparer.Ordinal).ToArray();
        return answers.Length == 1 ? answers[0].Key : string.Join("; ", answers.Select(g => $"{g.Key} ({string.Join(", ", g.Select(f => f.Key.FileSystem).Order(StringComparer.Ordinal))})"));
    }

    private static string Render(Dictionary<(string Driver, string Feature), string> cells)
    {
        var text = new StringBuilder();
        text.Append("| |").AppendJoin("|", Drivers.Select(driver => File.Exists(Path.Combine(Path.GetDirectoryName(PageOf())!, driver + ".md")) ? $" [{driver}]({driver}.md) " : $" {driver} ")).Append("|\n|---|").Insert(text.Length, "---|", Drivers.Length).Append('\n');
        foreach (string feature in Features)
            text.Append("| ").Append(feature).Append(" |").AppendJoin("|", Drivers.Select(driver => $" {cells.GetValueOrDefault((driver, feature), "")} ")).Append("|\n");
        return text.ToString();
    }

    private static Dictionary<(string Driver, string Feature), string> Read(string page)
    {
        int begin = page.IndexOf(Begin, StringComparison.Ordinal), end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, "docs/guide/drivers/README.md has no place for the table of features");
        var cells = new Dictionary<(string, string), string>();
        string[]? drivers = null;
        foreach (string line in page[(begin + Begin.Length)..end].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = [.. line.Trim('|').Split('|').Select(field => field.Trim())];
            if (drivers is null)
                drivers = [.. fields.Skip(1).Select(field => field.TrimStart('[').Split(']')[0])];
            else if (!line.StartsWith("|---", StringComparison.Ordinal))
            {
                for (int i = 1; i < fields.Length && i <= drivers.Length; i++)
                    cells[(drivers[i - 1], fields[0])] = fields[i];
            }
        }
        return cells;
    }

    /// <summary>From artifacts/bin/Strata.Drivers.Tests/debug up.</summary>
    internal static string PageOf()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            string page = Path.Combine(directory, "docs/guide/drivers/README.md");
            if (File.Exists(page))
                return page;
        }
        throw new InvalidOperationException("docs/guide/drivers/README.md was not found");
    }
}
