using System.Globalization;

namespace Strata;

/// <summary>IDs that follow each other, inside and outside of a user namespace: a line of <c>/proc/PID/uid_map</c>.</summary>
/// <param name="Container">The first one inside.</param>
/// <param name="Host">The first one outside.</param>
/// <param name="Size">How many.</param>
public readonly record struct IdRange(long Container, long Host, long Size)
{
    /// <summary>Reads CONTAINER:HOST:SIZE, as users give it.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is none.</exception>
    public static IdRange ParseOne(string text) =>
        text.Split(':') is [var container, var host, var size] && TryNumber(container, out long first) && TryNumber(host, out long outside) && TryNumber(size, out long count)
            ? new IdRange(first, outside, count)
            : throw StrataException.InvalidArgument($"'{text}' is no range of IDs: expected CONTAINER:HOST:SIZE, such as 0:100000:65536.");

    /// <summary>CONTAINER:HOST:SIZE.</summary>
    public override string ToString() => FormattableString.Invariant($"{Container}:{Host}:{Size}");

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
