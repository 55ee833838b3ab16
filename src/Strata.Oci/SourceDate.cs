using System.Globalization;

namespace Strata.Oci;

/// <summary>The time that goes into images: <c>SOURCE_DATE_EPOCH</c> where it is set, so that what is made can be made again bit for bit.</summary>
/// <remarks>See reproducible-builds.org/specs/source-date-epoch: times of files that are later count as that one.</remarks>
public static class SourceDate
{
    private const long MaxSeconds = 253_402_300_799; // the year 9999

    /// <summary>The variable's time; null: it is not set.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no count of seconds.</exception>
    public static DateTimeOffset? Fixed => Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH") is not { Length: > 0 } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) && seconds <= MaxSeconds ? DateTimeOffset.FromUnixTimeSeconds(seconds)
        : throw StrataException.InvalidArgument($"SOURCE_DATE_EPOCH is '{text}', not a count of seconds.");

    /// <summary>The variable's time, else now; as images tell times.</summary>
    internal static string Text => (Fixed ?? DateTimeOffset.UtcNow).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>The latest time that files may have; null: any.</summary>
    internal static FileTime? LatestMtime => Fixed is { } time ? new FileTime(time.ToUnixTimeSeconds(), 0) : null;
}
