using System.Text;

namespace Strata.Trees;

/// <summary>Paths in overlay's options: a list is parted by colons; colons, commas and backslashes in a path have a backslash before them.</summary>
internal static class OverlayPaths
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
}
