using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>
/// What changed between two layers by their dumps alone: the judge of the drivers, sharing no code with them. Times of directories don't count,
/// a removed directory counts once, and a directory below which something changed counts as changed.
/// </summary>
public static class ExpectedChanges
{
    /// <summary>The changes as <c>docker diff</c> prints them, in depth-first order.</summary>
    public static string[] Between(string before, string after)
    {
        var old = Read(before);
        var now = Read(after);
        var changes = new SortedDictionary<string, char>(Comparer<string>.Create((a, b) => EntryPath.Of(a).CompareTo(EntryPath.Of(b))));
        foreach (var (path, line) in now)
        {
            if (!old.TryGetValue(path, out string? oldLine))
                changes[path] = 'A';
            else if (oldLine != line)
                changes[path] = 'C';
        }
        foreach (string path in old.Keys)
        {
            if (!now.ContainsKey(path) && now.TryGetValue(Parent(path), out string? parent) && parent.StartsWith("d ", StringComparison.Ordinal))
                changes[path] = 'D';
        }
        foreach (string changed in changes.Keys.ToArray())
        {
            for (string path = Parent(changed); path != "/"; path = Parent(path))
                changes.TryAdd(path, 'C');
        }
        changes.Remove("/");
        return changes.Select(c => $"{c.Value} {c.Key}").ToArray();
    }

    private static string Parent(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/";

    private static Dictionary<string, string> Read(string dump)
    {
        var lines = new Dictionary<string, string>();
        foreach (string line in dump.Split('\n'))
        {
            string[] fields = line.Split(' ', 2);
            string rest = fields[1];
            if (rest.StartsWith("d ", StringComparison.Ordinal))
                rest = string.Join(' ', rest.Split(' ').Where((_, i) => i != 3)); // its time
            lines.Add(fields[0], rest);
        }
        return lines;
    }
}
