namespace Strata.Oci;

/// <summary>An image's name in its parts: <c>[HOST[:PORT]/]PATH[:TAG][@DIGEST]</c> (distribution's reference grammar).</summary>
/// <param name="Host">The host with its port; null: none is told.</param>
/// <param name="Path">The path, lower case: <c>library/debian</c>.</param>
/// <param name="Tag">The tag; null: none is told.</param>
/// <param name="Digest">The digest; null: none is told.</param>
public sealed record ImageReference(string? Host, string Path, string? Tag, Digest? Digest)
{
    private const int MaxNameLength = 255;
    private const int MaxTagLength = 128;

    /// <summary>Reads a name.</summary>
    /// <exception cref="StrataException">InvalidArgument: it can't be a name.</exception>
    public static ImageReference Parse(string text) => TryParse(text, out string why) ?? throw StrataException.InvalidArgument(
        $"'{Shorten(text)}' can't be an image's name: {why}. Expected [HOST[:PORT]/]PATH[:TAG][@DIGEST], for instance example.org/tools/box:1.");

    /// <summary>The whole name, as it was read but for what <see cref="Parse"/> leaves out.</summary>
    public override string ToString() => $"{(Host is null ? "" : Host + "/")}{Path}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";

    private static ImageReference? TryParse(string text, out string why)
    {
        why = "";
        string name = text;
        Digest? digest = null;
        if (name.IndexOf('@', StringComparison.Ordinal) is >= 0 and var at)
        {
            if (!Strata.Digest.TryParse(name[(at + 1)..], out var parsed))
            {
                why = "after @ comes a digest, sha256: and 64 hexadecimal digits";
                return null;
            }
            digest = parsed;
            name = name[..at];
        }
        string? tag = null;
        if (name.LastIndexOf(':') is >= 0 and var colon && name.IndexOf('/', colon) < 0)
        {
            tag = name[(colon + 1)..];
            name = name[..colon];
            if (tag.Length is 0 or > MaxTagLength || tag[0] is '.' or '-' || !tag.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-'))
            {
                why = $"a tag has 1 to {MaxTagLength} letters, digits, '_', '.', '-', and begins with none of the last two";
                return null;
            }
        }
        if (name.Length is 0 or > MaxNameLength)
        {
            why = $"without its tag it has {name.Length} characters, not 1 to {MaxNameLength}";
            return null;
        }
        string? host = null;
        string path = name;
        if (name.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash && IsHost(name[..slash]))
        {
            host = name[..slash];
            path = name[(slash + 1)..];
            if (!IsHostName(host))
            {
                why = $"'{Shorten(host)}' is no host";
                return null;
            }
        }
        if (!path.Split('/').All(IsComponent))
        {
            why = "each part of the path is of lower-case letters and digits, with single '.', one or two '_', or '-' between them";
            return null;
        }
        return new ImageReference(host, path, tag, digest);
    }

    /// <summary>What comes before the first slash is a host if it can be no part of a path, as Docker decides it.</summary>
    private static bool IsHost(string first) =>
        first == "localhost" || first.AsSpan().IndexOfAny('.', ':') >= 0 || first.Any(char.IsAsciiLetterUpper) || first.StartsWith('[');

    private static bool IsHostName(string host)
    {
        string name = host;
        if (host.StartsWith('['))
        {
            int end = host.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || !host[1..end].All(c => char.IsAsciiHexDigit(c) || c == ':') || end == 1)
                return false;
            name = "x" + host[(end + 1)..];
        }
        if (name.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon)
        {
            string port = name[(colon + 1)..];
            if (port.Length is 0 or > 5 || !port.All(char.IsAsciiDigit))
                return false;
            name = name[..colon];
        }
        return name.Split('.').All(label => label.Length > 0 && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') && label[0] != '-' && label[^1] != '-');
    }

    private static bool IsComponent(string part)
    {
        if (part.Length == 0 || !IsAlphanumeric(part[0]) || !IsAlphanumeric(part[^1]))
            return false;
        for (int i = 0; i < part.Length;)
        {
            int start = i;
            while (i < part.Length && !IsAlphanumeric(part[i]))
                i++;
            string separator = part[start..i];
            if (!(separator is "" or "." or "_" or "__" || separator.All(c => c == '-')))
                return false;
            while (i < part.Length && IsAlphanumeric(part[i]))
                i++;
        }
        return true;

        static bool IsAlphanumeric(char c) => char.IsAsciiDigit(c) || char.IsAsciiLetterLower(c);
    }

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..100] + "…";
}
