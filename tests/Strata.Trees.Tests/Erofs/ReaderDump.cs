using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Strata.Formats.Erofs;

namespace Strata.Trees.Tests.Erofs;

/// <summary>An image through our reader, in the form of <see cref="Testing.TreeDump"/>.</summary>
internal static class ReaderDump
{
    internal static string Of(ErofsReader reader, string[] devices)
    {
        var first = new Dictionary<ulong, EntryPath>();
        var lines = new List<string>();
        foreach (var (path, inode, _) in reader.Walk())
        {
            var line = new StringBuilder(path.ToString().Replace(" ", "\\x20", StringComparison.Ordinal));
            if (inode is { LinkCount: > 1, Kind: not EntryKind.Directory } && !first.TryAdd(inode.Node.Nid, path))
            {
                lines.Add($"{line} ={first[inode.Node.Nid]}");
                continue;
            }
            line.Append(CultureInfo.InvariantCulture, $" {Letter(inode.Kind)} 0{Convert.ToString(inode.Mode, 8)} {inode.Uid}:{inode.Gid} {inode.Mtime}");
            if (inode.Kind == EntryKind.RegularFile)
                line.Append(CultureInfo.InvariantCulture, $" {inode.SizeBytes} sha256:{Hash(reader, inode, devices)[..12]}");
            else if (inode.LinkTarget is { } target)
                line.Append(" -> ").Append(EntryPath.Display(target));
            else if (inode.Kind is EntryKind.CharDevice or EntryKind.BlockDevice)
                line.Append(CultureInfo.InvariantCulture, $" {inode.DeviceMajor}:{inode.DeviceMinor}");
            foreach (var xattr in inode.Xattrs)
                line.Append(CultureInfo.InvariantCulture, $" {EntryPath.Display(xattr.Name)}=0x{Convert.ToHexStringLower(xattr.Value)}");
            lines.Add(line.ToString());
        }
        return string.Join('\n', lines);
    }

    internal static string WithoutXattrs(string dump) => string.Join('\n', dump.Split('\n').Select(line =>
        string.Join(' ', line.Split(' ').Where(field => !(field.Contains("=0x", StringComparison.Ordinal) && field.Contains('.', StringComparison.Ordinal))))));

    private static string Hash(ErofsReader reader, ErofsInode inode, string[] devices)
    {
        byte[] data = new byte[inode.SizeBytes];
        foreach (var extent in reader.Extents(inode))
        {
            var into = data.AsSpan((int)extent.FileOffsetBytes, (int)extent.LengthBytes);
            if (extent.Device == 0)
            {
                Assert.Equal(into.Length, reader.Read(inode, extent.FileOffsetBytes, into));
                continue;
            }
            using var device = File.OpenRead(devices[extent.Device - 1]);
            device.Position = extent.DeviceOffsetBytes;
            device.ReadExactly(into);
        }
        return Convert.ToHexStringLower(SHA256.HashData(data));
    }

    private static char Letter(EntryKind kind) => kind switch
    {
        EntryKind.Directory => 'd',
        EntryKind.Symlink => 'l',
        EntryKind.CharDevice => 'c',
        EntryKind.BlockDevice => 'b',
        EntryKind.Fifo => 'p',
        EntryKind.Socket => 's',
        _ => 'f',
    };
}
