using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Zfs;

/// <summary>Where a clone and the dataset that it is a clone of can differ, as <c>zfs diff -H</c> tells it: a line each, paths below the mount point.</summary>
/// <remarks>
/// <para>
/// zfs-diff(8): <c>M PATH</c> changed, also <c>M PATH (+1)</c>, another name; <c>+ PATH</c> new; <c>- PATH</c> gone; <c>R OLD NEW</c> renamed. A byte that is not printable, a space or
/// a backslash is <c>\0ooo</c>. A directory in which names came or went is changed. A clone has the inode numbers of its origin, so the two trees can be compared at these places alone.
/// </para>
/// <para>Of a file with several names only one is told: where such a file changed, nothing is known, and both trees are walked.</para>
/// </remarks>
internal sealed class ZfsScope : ITreeScope
{
    /// <summary>So many are nearly everything, and walking both trees costs no more.</summary>
    private const int MaxChanges = 200_000;

    private const string Attributes = "/<xattrdir>";
    private readonly HashSet<ulong> _changed = [];
    private readonly Dictionary<ulong, SortedSet<byte[]>> _names = [];
    private readonly Dictionary<ulong, ScopedName[]> _sorted = [];
    private int _count;

    /// <inheritdoc/>
    public IReadOnlyList<ScopedName>? NamesIn(ulong directoryInode)
    {
        if (_changed.Contains(directoryInode))
            return null;
        if (_sorted.TryGetValue(directoryInode, out var sorted))
            return sorted;
        return _sorted[directoryInode] = _names.TryGetValue(directoryInode, out var names) ? [.. names.Select(name => new ScopedName(name))] : [];
    }

    /// <inheritdoc/>
    public bool MayDiffer(ulong inode) => _changed.Contains(inode) || _names.ContainsKey(inode);

    /// <summary>Adds what was told; false: it is not understood, or too much, and nothing is known.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="point">Where the dataset is mounted whose changes they tell.</param>
    /// <param name="trees">The roots of both trees, mounted.</param>
    internal bool TryAdd(IEnumerable<string> lines, string point, params IReadOnlyList<string> trees)
    {
        foreach (string line in lines)
        {
            if (++_count > MaxChanges)
                return false;
            var paths = line.Split('\t') switch
            {
                ["M", var path, ['(', .., ')']] => [path],
                ["M" or "+" or "-", var path] => [path],
                ["R", var from, var to] => (string[])[from, to],
                _ => [],
            };
            if (paths.Length == 0 || !paths.All(path => TryAdd(path, point, trees)))
                return false;
        }
        return true;
    }

    private bool TryAdd(string told, string point, IReadOnlyList<string> trees)
    {
        if (told.IndexOf(Attributes, StringComparison.Ordinal) is var attributes and >= 0)
            told = told[..attributes]; // of the file that has them
        string start = Escaped(point);
        if (!told.StartsWith(start + "/", StringComparison.Ordinal) && told != start)
            return false;
        if (Unescaped(told[start.Length..].Trim('/')) is not { } path)
            return false;
        foreach (string tree in trees)
        {
            if (!TryAdd(path, Encoding.UTF8.GetBytes(tree)))
                return false;
        }
        return true;
    }

    /// <summary>Marks an object as changed, and the names that lead to it, as far as they are in a tree.</summary>
    private bool TryAdd(byte[] path, byte[] tree)
    {
        // From the root down: each directory's inode, and the name in it.
        byte[] at = tree;
        var above = Stat(at);
        foreach (var part in Parts(path))
        {
            if (above is not { IsDirectory: true } directory)
                return true; // not in this tree
            byte[] name = path[part];
            if (!_names.TryGetValue(directory.Inode, out var names))
                _names.Add(directory.Inode, names = new SortedSet<byte[]>(ByBytes.Instance));
            names.Add(name);
            at = [.. at, (byte)'/', .. name];
            above = Stat(at);
        }
        if (above is not { } changed)
            return true;
        _changed.Add(changed.Inode);
        return changed.IsDirectory || changed.LinkCount == 1;
    }

    private static IEnumerable<Range> Parts(byte[] path)
    {
        for (int start = 0; start < path.Length;)
        {
            int length = Array.IndexOf(path, (byte)'/', start) is var slash and >= 0 ? slash - start : path.Length - start;
            yield return start..(start + length);
            start += length + 1;
        }
    }

    private static FileStatus? Stat(byte[] path) => AttributeCalls.TryStat(FileCalls.CurrentDirectory, path, out var status) switch
    {
        Errno.None => status,
        Errno.ENOENT or Errno.ENOTDIR => null,
        var errno => throw new LinuxException(errno, "statx", EntryPath.Display(path)),
    };

    private static string Escaped(string text)
    {
        var escaped = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (b is > (byte)' ' and < 0x7F and not (byte)'\\')
                escaped.Append((char)b);
            else
                escaped.Append('\\').Append(Convert.ToString(b, 8).PadLeft(4, '0'));
        }
        return escaped.ToString();
    }

    /// <summary>Null: it is no such form.</summary>
    private static byte[]? Unescaped(string text)
    {
        var bytes = new List<byte>(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                if (text[i] is <= ' ' or >= (char)0x7F)
                    return null;
                bytes.Add((byte)text[i]);
                continue;
            }
            if (i + 4 >= text.Length)
                return null;
            int value = 0;
            foreach (char digit in text.AsSpan(i + 1, 4))
            {
                if (digit is < '0' or > '7')
                    return null;
                value = (value * 8) + (digit - '0');
            }
            if (value > byte.MaxValue)
                return null;
            bytes.Add((byte)value);
            i += 4;
        }
        return [.. bytes];
    }

    private sealed class ByBytes : IComparer<byte[]>
    {
        internal static readonly ByBytes Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
