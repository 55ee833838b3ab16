using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Strata.Linux;

namespace Strata.Testing;

/// <summary>
/// A tree as text, one line per object with all its metadata, in depth-first order of the names' bytes, so that a failed comparison reads like
/// a diff. Later names of a hard-linked file say <c>=PATH</c> of the first. Holes and allocation are not shown.
/// </summary>
/// <example><c>/etc/passwd f 0644 0:0 1.000000005 4 sha256:88d4266fd4e6 user.x=0x31</c></example>
public static class TreeDump
{
    /// <summary>The whole dump.</summary>
    /// <param name="root">The directory; its own line is <c>/</c>.</param>
    /// <param name="times">False: modification times are left out.</param>
    /// <param name="dropXattr">Names (or starts of names) of attributes to leave out.</param>
    public static string Of(string root, bool times = true, params string[] dropXattr) => string.Join('\n', Lines(root, times, dropXattr));

    /// <summary>The dump's lines.</summary>
    public static IReadOnlyList<string> Lines(string root, bool times = true, params string[] dropXattr)
    {
        var dump = new Dump(times, dropXattr);
        using var directory = FileCalls.Open(root, OpenFlags.ReadOnly | OpenFlags.Directory);
        dump.Add(directory.Number, "."u8, EntryPath.Root);
        dump.AddChildren(directory, EntryPath.Root);
        return dump.Lines;
    }

    /// <summary>The paths alone.</summary>
    public static IReadOnlyList<string> Paths(string root) => [.. Lines(root).Select(line => line[..line.IndexOf(' ', StringComparison.Ordinal)])];

    private sealed class Dump(bool times, string[] dropXattr)
    {
        private readonly Dictionary<(ulong Device, ulong Inode), EntryPath> _first = [];

        internal List<string> Lines { get; } = [];

        internal void AddChildren(FileDescriptor directory, EntryPath path)
        {
            var names = new List<byte[]>();
            using (var reader = new DirectoryReader(directory))
            {
                while (reader.MoveNext())
                    names.Add(reader.Name.ToArray());
            }
            names.Sort((a, b) => a.AsSpan().SequenceCompareTo(b));
            foreach (byte[] name in names)
            {
                var child = path.Child(name);
                if (!Add(directory.Number, name, child))
                    continue;
                using var opened = FileCalls.OpenAt(directory, name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow);
                AddChildren(opened, child);
            }
        }

        /// <summary>Adds one object; true if it is a directory.</summary>
        internal bool Add(int directory, ReadOnlySpan<byte> name, EntryPath path)
        {
            var errno = AttributeCalls.TryStat(directory, name, out var status);
            if (errno != Errno.None)
                throw new LinuxException(errno, "statx", path.ToString());
            var line = new StringBuilder(path.ToString().Replace(" ", "\\x20", StringComparison.Ordinal));
            if (status is { LinkCount: > 1, IsDirectory: false } && !_first.TryAdd((status.Device, status.Inode), path))
            {
                Lines.Add($"{line} ={_first[(status.Device, status.Inode)]}");
                return false;
            }
            line.Append(CultureInfo.InvariantCulture, $" {Letter(status)} 0{Convert.ToString(status.Permissions, 8)} {status.Uid}:{status.Gid}");
            if (times)
                line.Append(' ').Append(status.Mtime);
            AddContent(line, directory, name, path, status);
            foreach (var xattr in XattrCalls.GetAll(directory, name))
            {
                string attribute = EntryPath.Display(xattr.Name);
                if (!dropXattr.Any(start => attribute.StartsWith(start, StringComparison.Ordinal)))
                    line.Append(CultureInfo.InvariantCulture, $" {attribute}=0x{Convert.ToHexStringLower(xattr.Value)}");
            }
            Lines.Add(line.ToString());
            return status.IsDirectory;
        }

        private static void AddContent(StringBuilder line, int directory, ReadOnlySpan<byte> name, EntryPath path, FileStatus status)
        {
            switch (status.Type)
            {
                case NameCalls.TypeRegular:
                    var errno = FileCalls.TryOpenAt(directory, name, OpenFlags.ReadOnly | OpenFlags.NoFollow, 0, out var file);
                    if (errno != Errno.None)
                        throw new LinuxException(errno, "openat", path.ToString());
                    using (var stream = FileStreams.OpenRead(file!))
                        line.Append(CultureInfo.InvariantCulture, $" {status.SizeBytes} sha256:{Convert.ToHexStringLower(SHA256.HashData(stream))[..12]}");
                    break;
                case NameCalls.TypeSymlink:
                    errno = NameCalls.TryReadLink(directory, name, out byte[] target);
                    if (errno != Errno.None)
                        throw new LinuxException(errno, "readlinkat", path.ToString());
                    line.Append(" -> ").Append(EntryPath.Display(target));
                    break;
                case NameCalls.TypeCharDevice or NameCalls.TypeBlockDevice:
                    line.Append(CultureInfo.InvariantCulture, $" {status.RdevMajor}:{status.RdevMinor}");
                    break;
            }
        }

        private static char Letter(FileStatus status) => status.Type switch
        {
            NameCalls.TypeDirectory => 'd',
            NameCalls.TypeSymlink => 'l',
            NameCalls.TypeCharDevice => 'c',
            NameCalls.TypeBlockDevice => 'b',
            NameCalls.TypeFifo => 'p',
            NameCalls.TypeSocket => 's',
            _ => 'f',
        };
    }
}
