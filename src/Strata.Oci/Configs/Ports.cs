using System.Globalization;

namespace Strata.Oci;

/// <summary>Ports as configs name them: <c>80/tcp</c>.</summary>
internal static class Ports
{
    /// <summary>Reads <c>PORT[-PORT][/tcp|udp|sctp]</c>.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is no port.</exception>
    internal static IEnumerable<string> Parse(string text)
    {
        string[] parts = text.Split('/');
        string protocol = parts.Length > 1 ? parts[1].ToLowerInvariant() : "tcp";
        string[] range = parts[0].Split('-');
        if (parts.Length > 2 || range.Length > 2 || protocol is not ("tcp" or "udp" or "sctp") || !TryPort(range[0], out ushort first) || !TryPort(range[^1], out ushort last) || first > last)
            throw StrataException.InvalidArgument($"'{text}' is no port: expected PORT or PORT-PORT, and perhaps /tcp, /udp or /sctp.");
        return Enumerable.Range(first, last - first + 1).Select(port => string.Create(CultureInfo.InvariantCulture, $"{port}/{protocol}"));
    }

    private static bool TryPort(string text, out ushort port) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);
}
