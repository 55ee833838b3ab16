namespace Strata.Testing;

/// <summary>What is mounted, for tests to look at.</summary>
public static class Mounts
{
    /// <summary>The mount points at or below a directory, in the order in which they were mounted.</summary>
    public static IReadOnlyList<string> AtOrBelow(string directory) =>
        File.ReadLines("/proc/self/mountinfo")
            .Select(line => line.Split(' ')[4])
            .Where(point => point == directory || point.StartsWith(directory + "/", StringComparison.Ordinal))
            .ToArray();
}
