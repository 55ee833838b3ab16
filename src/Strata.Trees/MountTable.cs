using System.Text;

namespace Strata.Trees;

/// <summary>What this process sees mounted: /proc/self/mountinfo (proc_pid_mountinfo(5)).</summary>
public static class MountTable
{
    /// <summary>One mount.</summary>
    /// <param name="Point">Where it is mounted.</param>
    /// <param name="Type">The file system's type.</param>
    /// <param name="Source">Its source.</param>
    /// <param name="Options">The mount's and the file system's options.</param>
    public readonly record struct Row(string Point, string Type, string Source, string Options);

    /// <summary>All mounts, in the order in which they were made.</summary>
    public static IReadOnlyList<Row> Read()
    {
        var rows = new List<Row>();
        foreach (string line in File.ReadLines("/proc/self/mountinfo", Encoding.Latin1))
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-", 6);
            if (dash < 0 || dash + 3 >= fields.Length)
                continue;
            rows.Add(new Row(Unescape(fields[4]), fields[dash + 1], Unescape(fields[dash + 2]), fields[5] + "," + fields[dash + 3]));
        }
        return rows;
    }

    /// <summary>True if something is mounted at a path: one call, not a look through the table.</summary>
    public static bool IsMountPoint(string path) => Linux.MountPoints.Is(path);

    /// <summary>Mounts at or below a path, the last made first: the order in which they can be unmounted.</summary>
    public static IReadOnlyList<string> Below(string path) =>
        Read().Select(row => row.Point).Where(point => point == path || point.StartsWith(path + "/", StringComparison.Ordinal)).Reverse().ToArray();

    /// <summary>Space, tab, newline and backslash are written as backslash and three octal digits; other bytes are raw.</summary>
    private static string Unescape(string field)
    {
        byte[] raw = Encoding.Latin1.GetBytes(field);
        byte[] bytes = new byte[raw.Length];
        int length = 0;
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] == (byte)'\\' && i + 3 < raw.Length)
            {
                bytes[length++] = (byte)(((raw[i + 1] - '0') << 6) | ((raw[i + 2] - '0') << 3) | (raw[i + 3] - '0'));
                i += 3;
            }
            else
            {
                bytes[length++] = raw[i];
            }
        }
        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
