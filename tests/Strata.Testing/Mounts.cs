namespace Strata.Testing;

/// <summary>What is mounted, for tests to look at.</summary>
public static class Mounts
{
    /// <summary>The mount points at or below a directory, in the order in which they were mounted, except one that may be.</summary>
    public static IReadOnlyList<string> AtOrBelow(string directory, string? except = null) =>
        File.ReadLines("/proc/self/mountinfo")
            .Select(line => line.Split(' ')[4])
            .Where(point => point != except && (point == directory || point.StartsWith(directory + "/", StringComparison.Ordinal)))
            .ToArray();
}
