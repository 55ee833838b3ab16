using System.Globalization;

namespace Strata.Drivers.Zfs;

/// <summary>What the driver asks of <c>zfs</c> and <c>zpool</c> (zfs(8), zpool(8)). They are the interface: the ioctls below them are no promise.</summary>
internal static class ZfsProgram
{
    /// <summary>True if there is a dataset or snapshot of a name.</summary>
    internal static bool Exists(string dataset)
    {
        var result = ExternalProgram.Run("zfs", "list", "-H", "-o", "name", dataset);
        return result.Ok || (IsMissing(result) ? false : throw Failed("look for", dataset, result));
    }

    /// <summary>True if it tells of a dataset; false also if it tells nothing at all, as zfs-fuse without its daemon.</summary>
    internal static bool Knows(string dataset) => ExternalProgram.Run("zfs", "list", "-H", "-o", "name", dataset).Ok;

    /// <summary>The names of the file systems right below a dataset, without its own before them.</summary>
    internal static IReadOnlyList<string> Children(string dataset)
    {
        var result = ExternalProgram.Run("zfs", "list", "-H", "-r", "-d", "1", "-t", "filesystem", "-o", "name", dataset);
        if (!result.Ok)
            throw Failed("list", dataset, result);
        return [.. Lines(result).Where(name => name.Length > dataset.Length).Select(name => name[(dataset.Length + 1)..])];
    }

    /// <summary>The names of the snapshots of the datasets right below one, as they are, of which one is told by a prefix.</summary>
    internal static IReadOnlyList<string> Snapshots(string dataset, string prefix)
    {
        var result = ExternalProgram.Run("zfs", "list", "-H", "-r", "-d", "2", "-t", "snapshot", "-o", "name", dataset);
        return result.Ok ? [.. Lines(result).Where(name => name.Contains("@" + prefix, StringComparison.Ordinal))] : [];
    }

    /// <summary>Properties of a dataset, in bytes where they are sizes.</summary>
    internal static IReadOnlyDictionary<string, string> Get(string dataset, params string[] properties)
    {
        var result = ExternalProgram.Run("zfs", "get", "-H", "-p", "-o", "property,value", string.Join(',', properties), dataset);
        if (!result.Ok)
            throw Failed("look at", dataset, result);
        return Lines(result).Select(line => line.Split('\t')).Where(fields => fields.Length == 2).ToDictionary(fields => fields[0], fields => fields[1]);
    }

    /// <summary>What changed between a snapshot and a dataset that descends from it, as <see cref="ZfsScope"/> reads it; null: this program can't tell.</summary>
    internal static IReadOnlyList<string>? FindChanges(string snapshot, string dataset)
    {
        var result = ExternalProgram.Run("zfs", "diff", "-H", snapshot, dataset);
        return result.Ok ? Lines(result) : null;
    }

    /// <summary>A property of a pool.</summary>
    internal static string GetPool(string pool, string property)
    {
        var result = ExternalProgram.Run("zpool", "list", "-H", "-o", property, pool);
        return result.Ok ? result.Output.Trim() : "unknown";
    }

    /// <summary>Does something with a dataset.</summary>
    /// <param name="what">What, for the message.</param>
    /// <param name="dataset">The dataset, for the message.</param>
    /// <param name="arguments">The arguments of <c>zfs</c>.</param>
    /// <exception cref="StrataException">NotFound, AlreadyExists, FailedPrecondition (busy, or clones are left), Exhausted, PermissionDenied: as <c>zfs</c> says.</exception>
    internal static void Do(string what, string dataset, params string[] arguments)
    {
        var result = ExternalProgram.Run("zfs", arguments);
        if (!result.Ok)
            throw Failed(what, dataset, result);
    }

    /// <summary>Does something with a dataset that may be gone; false: it was.</summary>
    internal static bool DoIfThere(string what, string dataset, params string[] arguments)
    {
        var result = ExternalProgram.Run("zfs", arguments);
        return result.Ok || (IsMissing(result) ? false : throw Failed(what, dataset, result));
    }

    /// <summary>A size as zfs takes it.</summary>
    internal static string Size(long sizeBytes) => sizeBytes.ToString(CultureInfo.InvariantCulture);

    private static bool IsMissing(ProgramResult result) => result.Error.Contains("does not exist", StringComparison.Ordinal) || result.Error.Contains("could not find any snapshots", StringComparison.Ordinal);

    private static string[] Lines(ProgramResult result) => result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static StrataException Failed(string what, string dataset, ProgramResult result)
    {
        string text = result.Error;
        var kind = text switch
        {
            _ when text.Contains("already exists", StringComparison.Ordinal) => ErrorKind.AlreadyExists,
            _ when text.Contains("does not exist", StringComparison.Ordinal) => ErrorKind.NotFound,
            _ when text.Contains("busy", StringComparison.Ordinal) || text.Contains("dependent", StringComparison.Ordinal) || text.Contains("has children", StringComparison.Ordinal) => ErrorKind.FailedPrecondition,
            _ when text.Contains("out of space", StringComparison.Ordinal) || text.Contains("quota", StringComparison.Ordinal) => ErrorKind.Exhausted,
            _ when text.Contains("ermission denied", StringComparison.Ordinal) => ErrorKind.PermissionDenied,
            _ when text.Contains("read-only", StringComparison.Ordinal) => ErrorKind.FailedPrecondition,
            _ => ErrorKind.Unknown,
        };
        return new StrataException(kind, $"Can't {what} {dataset}: zfs says: {(text.Length > 0 ? text : $"nothing, and ended with {result.ExitCode}")}");
    }
}
