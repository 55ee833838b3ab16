using System.Globalization;

namespace Strata.Drivers.Rootless;

/// <summary>The IDs that a user may map into user namespaces: <c>/etc/subuid</c> and <c>/etc/subgid</c> (subuid(5)), lines of NAME:FIRST:COUNT.</summary>
public static class SubordinateIds
{
    /// <summary>Where users' ranges are.</summary>
    public const string UserFile = "/etc/subuid";

    /// <summary>Where groups' ranges are.</summary>
    public const string GroupFile = "/etc/subgid";

    /// <summary>The ranges of a user in a file; none: the file is not there, or does not name the user.</summary>
    /// <param name="file">The file.</param>
    /// <param name="names">The user's name and number: a line may have either.</param>
    /// <returns>First and count of each. A line that makes no sense is none, as for newuidmap(1).</returns>
    public static IReadOnlyList<(long First, long Count)> Find(string file, params string[] names)
    {
        if (!File.Exists(file))
            return [];
        var found = new List<(long, long)>();
        foreach (string line in File.ReadLines(file))
        {
            if (line.Trim().Split(':') is [var name, var first, var count] && names.Contains(name, StringComparer.Ordinal) && Number(first) is { } begin && Number(count) is > 0 and var size)
                found.Add((begin, size));
        }
        return found;
    }

    /// <summary>The mapping that gives a container all IDs of a name, from 0 on.</summary>
    /// <exception cref="StrataException">NotFound: the name has none.</exception>
    public static IdMapping MappingOf(string name) => IdMapping.Create(InOrder(UserFile, name), InOrder(GroupFile, name));

    /// <summary>The ranges of a user of the name, one behind the other.</summary>
    /// <param name="ranges">The ranges.</param>
    /// <param name="first">The first ID inside.</param>
    public static IReadOnlyList<IdRange> InOrder(IEnumerable<(long First, long Count)> ranges, long first)
    {
        var mapped = new List<IdRange>();
        foreach (var (begin, count) in ranges)
        {
            mapped.Add(new IdRange(first, begin, count));
            first += count;
        }
        return mapped;
    }

    private static IReadOnlyList<IdRange> InOrder(string file, string name) => Find(file, name) is { Count: > 0 } ranges
        ? InOrder(ranges, 0)
        : throw StrataException.NotFound($"{file} has no IDs for '{name}'. Add a line such as {name}:100000:65536 (as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}).");

    private static long? Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
