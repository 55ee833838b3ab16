using System.Globalization;

namespace Strata.Drivers;

/// <summary>Sizes as users give them to storage options: <c>10G</c>, <c>512m</c>, <c>1.5GiB</c>; units are powers of 1024, as in Docker.</summary>
public static class StorageSize
{
    private const string Units = "kmgtp";

    /// <summary>Reads a size in bytes.</summary>
    /// <param name="option">The option, for the message.</param>
    /// <param name="text">A number, with a unit (k, m, g, t, p, each with or without b or ib) or without.</param>
    /// <exception cref="StrataException">InvalidArgument: it is no size, or more than there can be.</exception>
    public static long Parse(string option, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string number = text.Trim().ToLowerInvariant();
        if (number.EndsWith('b'))
            number = number[..^1];
        if (number.EndsWith('i'))
            number = number[..^1];
        int unit = number.Length == 0 ? -1 : Units.IndexOf(number[^1], StringComparison.Ordinal);
        if (unit >= 0)
            number = number[..^1];
        double factor = Math.Pow(1024, unit + 1);
        if (!double.TryParse(number.Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) || value < 0 || value * factor >= long.MaxValue)
            throw StrataException.InvalidArgument($"{option} is a size such as 10G or 512m, not '{text}'.");
        return (long)(value * factor);
    }
}
