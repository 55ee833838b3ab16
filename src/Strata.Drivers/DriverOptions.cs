namespace Strata.Drivers;

/// <summary>Options of a driver, each <c>key=value</c>, the key beginning with the driver's name: <c>overlay.volatile=true</c>.</summary>
public sealed class DriverOptions
{
    private readonly Dictionary<string, string> _values;

    private DriverOptions(Dictionary<string, string> values) => _values = values;

    /// <summary>None.</summary>
    public static DriverOptions None { get; } = new([]);

    /// <summary>Reads options.</summary>
    /// <exception cref="StrataException">InvalidArgument: one is not <c>key=value</c>, or a key comes twice.</exception>
    public static DriverOptions Parse(IEnumerable<string> options)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string option in options)
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw StrataException.InvalidArgument($"The driver option '{option}' is not of the form key=value.");
            if (!values.TryAdd(option[..equals].Trim(), option[(equals + 1)..].Trim()))
                throw StrataException.InvalidArgument($"The driver option '{option[..equals]}' is given twice.");
        }
        return new DriverOptions(values);
    }

    /// <summary>The options that begin with a driver's name, without it. Those of other drivers are left out.</summary>
    /// <param name="driver">The driver's names.</param>
    /// <param name="known">The keys that it knows.</param>
    /// <exception cref="StrataException">InvalidArgument: it knows no such key.</exception>
    public IReadOnlyDictionary<string, string> For(IReadOnlyList<string> driver, params string[] known)
    {
        var mine = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in _values)
        {
            int dot = key.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0)
                throw StrataException.InvalidArgument($"The driver option '{key}' does not begin with a driver's name and a dot.");
            if (!driver.Contains(key[..dot], StringComparer.OrdinalIgnoreCase))
                continue;
            string rest = key[(dot + 1)..];
            if (!known.Contains(rest, StringComparer.OrdinalIgnoreCase))
                throw StrataException.InvalidArgument(
                    $"The driver {driver[0]} has no option '{key}'. It knows: {(known.Length == 0 ? "none" : string.Join(", ", known.Select(k => driver[0] + "." + k)))}.");
            mine.Add(rest, value);
        }
        return mine;
    }
}
