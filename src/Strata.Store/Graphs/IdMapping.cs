using System.Globalization;

namespace Strata.Store;

/// <summary>How the owners inside a user namespace are known outside of it (user_namespaces(7)).</summary>
/// <param name="Users">Ranges of user IDs.</param>
/// <param name="Groups">Ranges of group IDs.</param>
public sealed record IdMapping(IReadOnlyList<IdRange> Users, IReadOnlyList<IdRange> Groups)
{
    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="StrataException">Corrupt: it is none.</exception>
    public static IdMapping Parse(string text) => text.Split('/') is [var users, var groups]
        ? new IdMapping(Ranges(users), Ranges(groups))
        : throw StrataException.Corrupt($"'{text}' is no mapping of IDs.");

    /// <summary>A range as CONTAINER:HOST:SIZE, ranges with a comma, users and groups with a slash between them.</summary>
    public override string ToString() => $"{string.Join(',', Users)}/{string.Join(',', Groups)}";

    /// <summary>The ID outside.</summary>
    /// <exception cref="StrataException">InvalidArgument: no range holds it.</exception>
    public static long ToHost(IReadOnlyList<IdRange> ranges, long id)
    {
        foreach (var range in ranges)
        {
            if (id >= range.Container && id - range.Container < range.Size)
                return range.Host + (id - range.Container);
        }
        throw StrataException.InvalidArgument($"The owner {id} is outside of the user namespace's ranges ({string.Join(", ", ranges)}): give it a larger range.");
    }

    /// <summary>The ID inside; what no range holds is what the kernel shows there, the overflow ID.</summary>
    public static long ToContainer(IReadOnlyList<IdRange> ranges, long id)
    {
        const long Overflow = 65534;
        foreach (var range in ranges)
        {
            if (id >= range.Host && id - range.Host < range.Size)
                return range.Container + (id - range.Host);
        }
        return Overflow;
    }

    private static IdRange[] Ranges(string text) => text.Length == 0 ? [] : text.Split(',').Select(range =>
        range.Split(':') is [var container, var host, var size]
            ? new IdRange(Number(container), Number(host), Number(size))
            : throw StrataException.Corrupt($"'{range}' is no range of IDs.")).ToArray();

    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : throw StrataException.Corrupt($"'{text}' is no ID.");
}
