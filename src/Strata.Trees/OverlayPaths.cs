using System.Text;

namespace Strata.Trees;

/// <summary>Paths in overlay's options: a list is parted by colons; colons, commas and backslashes in a path have a backslash before them.</summary>
public static class OverlayPaths
{
    /// <summary>The paths of a list, as they are on disk.</summary>
    public static IEnumerable<string> Split(string list)
    {
        var current = new StringBuilder();
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] == '\\' && i + 1 < list.Length)
            {
                current.Append(list[++i]);
            }
            else if (list[i] == ':')
            {
                yield return current.ToString();
                current.Clear();
            }
            else
            {
                current.Append(list[i]);
            }
        }
        yield return current.ToString();
    }

    /// <summary>One path, as it is on disk.</summary>
    public static string Unescape(string path) => Split(path).First();

    /// <summary>A path as it stands in an option: overlayfs splits directories at colons, and mount(2) options at commas.</summary>
    public static string Escape(string path)
    {
        if (path.AsSpan().IndexOfAny(':', ',', '\\') < 0)
            return path;
        var escaped = new StringBuilder();
        foreach (char c in path)
        {
            if (c is ':' or ',' or '\\')
                escaped.Append('\\');
            escaped.Append(c);
        }
        return escaped.ToString();
    }
}
