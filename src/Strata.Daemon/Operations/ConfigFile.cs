using System.Globalization;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Operations;

/// <summary>The configuration file: <c>key = value</c>, a line each; <c>#</c> begins a comment; each flag of <c>stratad serve</c> is a key (docs/guide/stratad.md).</summary>
internal static class ConfigFile
{
    private static readonly Dictionary<string, Func<ServeOptions, string, ServeOptions>> Settings = new(StringComparer.Ordinal)
    {
        ["root"] = (o, v) => o with { Root = AbsolutePath(v) },
        ["driver"] = (o, v) => o with { Driver = v },
        ["driver-opt"] = (o, v) => o with { DriverOptions = [.. o.DriverOptions, v.Contains('=', StringComparison.Ordinal) ? v : throw new FormatException("it is not KEY=VALUE")] },
        ["shared-store"] = (o, v) => o with { SharedStores = [.. o.SharedStores ?? [], AbsolutePath(v)] },
        ["containerd-socket"] = (o, v) => o with { ContainerdSocket = AbsolutePath(v) },
        ["containerd-address"] = (o, v) => o with { ContainerdAddress = AbsolutePath(v) },
        ["containerd-fetch"] = (o, v) => o with { ContainerdFetch = OneOf(v, "true", "false") == "true" ? o.ContainerdFetch ?? new Oci.Registries.RegistryOptions() : null },
        ["containerd-ahead"] = (o, v) => o with { ContainerdAhead = OneOf(v, "true", "false") == "true" },
        ["snapshot-sync"] = (o, v) => o.WithSnapshotSync(OneOf(v, ServeOptions.SnapshotSyncSoon, ServeOptions.SnapshotSyncAlways)),
        ["docker-socket"] = (o, v) => o with { DockerSocket = AbsolutePath(v) },
        ["api-socket"] = (o, v) => o with { ApiSocket = AbsolutePath(v) },
        ["api-socket-group"] = (o, v) => o with { ApiSocketGroup = v },
        ["api-socket-mode"] = (o, v) => o with { ApiSocketMode = Mode(v) },
        ["log-format"] = (o, v) => o with { LogFormat = OneOf(v, LogSetup.Text, LogSetup.Json) },
        ["log-level"] = (o, v) => o with { LogLevel = OneOf(v, LogSetup.Levels) },
        ["trace-endpoint"] = (o, v) => o with { TraceEndpoint = Endpoint(v) },
        ["call-timeout"] = (o, v) => o with { CallTimeout = Duration(v) },
        ["stop-timeout"] = (o, v) => o with { StopTimeout = Duration(v) },
    };

    /// <summary>All keys.</summary>
    internal static IReadOnlyCollection<string> Keys => Settings.Keys;

    /// <summary>Reads a file.</summary>
    /// <exception cref="StrataException">NotFound, PermissionDenied: the file. InvalidArgument: what is wrong in it, with line and key.</exception>
    internal static ServeOptions Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw StrataException.NotFound($"There is no configuration file {path}.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw StrataException.PermissionDenied($"Can't read the configuration file {path}: {e.Message}", e);
        }
        var options = new ServeOptions();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var wrong = new List<string>();
        for (int i = 0; i < lines.Length; i++)
        {
            try
            {
                if (ReadLine(lines[i]) is not var (key, value))
                    continue;
                if (!Settings.TryGetValue(key, out var set))
                    throw new FormatException($"there is no key '{key}'; the keys are {string.Join(", ", Keys)}");
                if (seen.TryGetValue(key, out int before) && key != "driver-opt")
                    throw new FormatException($"'{key}' is given already, in line {before}");
                seen[key] = i + 1;
                try
                {
                    options = set(options, value);
                }
                catch (FormatException e)
                {
                    throw new FormatException($"'{key}' can't be '{value}': {e.Message}", e);
                }
            }
            catch (FormatException e)
            {
                wrong.Add($"{path}:{i + 1}: {e.Message}");
            }
        }
        return wrong.Count == 0 ? options : throw StrataException.InvalidArgument(string.Join("\n", wrong));
    }

    /// <summary>A duration: a number with ms, s, m or h.</summary>
    /// <exception cref="FormatException">It is none, or none that is longer than nothing and shorter than a month.</exception>
    internal static TimeSpan Duration(string text)
    {
        int digits = text.TakeWhile(c => char.IsAsciiDigit(c) || c == '.').Count();
        if (double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
        {
            double seconds = text[digits..] switch { "ms" => number / 1000, "s" => number, "m" => number * 60, "h" => number * 3600, _ => -1 };
            if (seconds is > 0 and <= 20 * 24 * 3600)
                return TimeSpan.FromSeconds(seconds);
        }
        throw new FormatException("expected a number with ms, s, m or h, such as 30s, of at most 480h");
    }

    /// <summary>The mode of a socket: three octal digits, perhaps a 0 before them.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal static UnixFileMode Mode(string text)
    {
        string digits = text.Length == 4 && text[0] == '0' ? text[1..] : text;
        if (digits.Length != 3 || digits.Any(c => c is < '0' or > '7'))
            throw new FormatException("expected a mode of three octal digits, such as 0660");
        return (UnixFileMode)Convert.ToInt32(digits, 8);
    }

    private static (string Key, string Value)? ReadLine(string line)
    {
        string text = line.Trim();
        if (text.Length == 0 || text[0] == '#')
            return null;
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            throw new FormatException($"'{text}' is not of the form KEY = VALUE");
        return (text[..equals].TrimEnd(), Unquote(text[(equals + 1)..].TrimStart()));
    }

    private static string Unquote(string text)
    {
        if (text.StartsWith('"'))
        {
            int end = text.IndexOf('"', 1);
            if (end < 0)
                throw new FormatException("a quotation mark is missing at the end");
            string rest = text[(end + 1)..].Trim();
            return rest.Length == 0 || rest[0] == '#' ? text[1..end] : throw new FormatException($"'{rest}' follows the value");
        }
        int comment = text.IndexOf(" #", StringComparison.Ordinal);
        string value = (comment < 0 ? text : text[..comment]).TrimEnd();
        return value.Length > 0 && value[0] != '#' ? value : throw new FormatException("the value is missing");
    }

    /// <summary>An address of HTTP.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal static Uri Endpoint(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        ? uri
        : throw new FormatException("expected an address such as http://127.0.0.1:4318/v1/traces");

    private static string AbsolutePath(string text) => Path.IsPathRooted(text) ? text : throw new FormatException("it is not an absolute path");

    private static string OneOf(string text, params string[] known) => known.Contains(text) ? text : throw new FormatException($"expected {string.Join(", ", known)}");
}
