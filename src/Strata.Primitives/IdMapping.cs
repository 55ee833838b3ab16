namespace Strata;

/// <summary>How the owners inside a user namespace are known outside of it (user_namespaces(7)).</summary>
/// <param name="Users">Ranges of user IDs.</param>
/// <param name="Groups">Ranges of group IDs.</param>
public sealed record IdMapping(IReadOnlyList<IdRange> Users, IReadOnlyList<IdRange> Groups)
{
    /// <summary>The most ranges that the kernel takes (Linux 4.15).</summary>
    public const int MaxRanges = 340;

    /// <summary>What the kernel shows of an ID that no range holds (/proc/sys/kernel/overflowuid).</summary>
    public const long Overflow = 65534;

    /// <summary>The ID that none is: chown(2) takes it as "leave it".</summary>
    private const long NoId = uint.MaxValue;

    /// <summary>Makes a mapping that the kernel would take and that has a place for root.</summary>
    /// <param name="users">Ranges of user IDs.</param>
    /// <param name="groups">Ranges of group IDs.</param>
    /// <exception cref="StrataException">InvalidArgument: what is wrong with which range.</exception>
    public static IdMapping Create(IReadOnlyList<IdRange> users, IReadOnlyList<IdRange> groups)
    {
        Check("users", users);
        Check("groups", groups);
        return new IdMapping([.. users], [.. groups]);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="StrataException">Corrupt: it is none.</exception>
    public static IdMapping Parse(string text)
    {
        try
        {
            return text.Split('/') is [var users, var groups]
                ? new IdMapping(Ranges(users), Ranges(groups))
                : throw StrataException.Corrupt($"'{text}' is no mapping of IDs.");
        }
        catch (StrataException e) when (e.Kind == ErrorKind.InvalidArgument)
        {
            throw StrataException.Corrupt(e.Message);
        }
    }

    /// <summary>A range as CONTAINER:HOST:SIZE, ranges with a comma, users and groups with a slash between them.</summary>
    public override string ToString() => $"{string.Join(',', Users)}/{string.Join(',', Groups)}";

    /// <summary>Two mappings are one if their ranges are.</summary>
    public bool Equals(IdMapping? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>The ID outside.</summary>
    /// <exception cref="StrataException">InvalidArgument: no range holds it.</exception>
    public static long ToHost(IReadOnlyList<IdRange> ranges, long id) => FindHost(ranges, id)
        ?? throw StrataException.InvalidArgument($"The owner {id} is outside of the user namespace's ranges ({string.Join(", ", ranges)}): give it a larger range.");

    /// <summary>The ID outside; null: no range holds it.</summary>
    public static long? FindHost(IReadOnlyList<IdRange> ranges, long id)
    {
        foreach (var range in ranges)
        {
            if (id >= range.Container && id - range.Container < range.Size)
                return range.Host + (id - range.Container);
        }
        return null;
    }

    /// <summary>The ID inside; what no range holds is what the kernel shows there, the overflow ID.</summary>
    public static long ToContainer(IReadOnlyList<IdRange> ranges, long id)
    {
        foreach (var range in ranges)
        {
            if (id >= range.Host && id - range.Host < range.Size)
                return range.Container + (id - range.Host);
        }
        return Overflow;
    }

    private static void Check(string what, IReadOnlyList<IdRange> ranges)
    {
        if (ranges.Count is 0 or > MaxRanges)
            throw StrataException.InvalidArgument($"A mapping of {what} has 1 to {MaxRanges} ranges, not {ranges.Count}.");
        for (int i = 0; i < ranges.Count; i++)
        {
            var range = ranges[i];
            if (range.Size <= 0)
                throw StrataException.InvalidArgument($"The range {range} of {what} maps nothing: its size is 0.");
            if (range.Container < 0 || range.Host < 0 || range.Size > NoId || range.Container > NoId - range.Size || range.Host > NoId - range.Size)
                throw StrataException.InvalidArgument($"The range {range} of {what} ends past the last ID there is, {NoId - 1}.");
            foreach (var other in ranges.Take(i))
            {
                if (Overlap(range.Container, other.Container, range.Size, other.Size) || Overlap(range.Host, other.Host, range.Size, other.Size))
                    throw StrataException.InvalidArgument($"The ranges {other} and {range} of {what} overlap: an ID would have two meanings.");
            }
        }
        if (FindHost(ranges, 0) is null)
            throw StrataException.InvalidArgument($"The ranges {string.Join(", ", ranges)} of {what} have no place for root (0), whom an image's root directory belongs to.");
    }

    private static bool Overlap(long a, long b, long sizeOfA, long sizeOfB) => a < b + sizeOfB && b < a + sizeOfA;

    private static IdRange[] Ranges(string text) => text.Length == 0 ? [] : text.Split(',').Select(IdRange.ParseOne).ToArray();
}
