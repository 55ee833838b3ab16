using System.Globalization;
using System.Text;

namespace Strata.Formats.Erofs;

/// <summary>An image as text: a line for the superblock, one for each device, one for each name in depth-first order.</summary>
/// <remarks>
/// Bytes that are no printable UTF-8 are shown as <c>\xNN</c>, a space in a name as <c>\x20</c>; values of attributes in hexadecimal; extents as
/// <c>OFFSET+LENGTH@DEVICE:OFFSET</c> in bytes, at the first name of an inode only. Memory: some 20 bytes for each inode.
/// </remarks>
/// <example><c>/etc/passwd f 0644 0:0 1.000000005 1200 nid=40 links=1 extended chunks 0+1200@1:512 user.x=0x31</c></example>
public static class ErofsDump
{
    private const int MaxShownExtents = 64;

    /// <summary>Writes the dump.</summary>
    /// <exception cref="StrataException">Corrupt, NotSupported: as the reader says, after the lines before it.</exception>
    public static void Write(ErofsReader reader, TextWriter output, CancellationToken cancellationToken = default)
    {
        var super = reader.Superblock;
        output.Write(string.Create(CultureInfo.InvariantCulture, $"superblock block={super.BlockBytes} blocks={super.Blocks} inodes={super.Inodes} root={super.Root.Nid} "));
        output.Write(string.Create(CultureInfo.InvariantCulture, $"metadata={super.MetadataBlock} xattrs={super.XattrBlock} time={super.BuildTime} uuid={super.Uuid} "));
        output.Write(string.Create(CultureInfo.InvariantCulture, $"name='{EntryPath.Display(super.VolumeName.Span)}' compatible=0x{super.CompatibleFeatures:x} incompatible=0x{super.IncompatibleFeatures:x}\n"));
        for (int i = 0; i < super.Devices.Count; i++)
        {
            var device = super.Devices[i];
            output.Write(string.Create(CultureInfo.InvariantCulture, $"device {i + 1} blocks={device.Blocks} mapped={device.MappedBlock} tag='{EntryPath.Display(device.Tag.Span)}'\n"));
        }
        var shown = new HashSet<ulong>();
        foreach (var entry in reader.Walk())
        {
            cancellationToken.ThrowIfCancellationRequested();
            output.Write(Line(entry, shown.Add(entry.Inode.Node.Nid) ? reader.Extents(entry.Inode) : []));
            output.Write('\n');
        }
    }

    private static string Line(ErofsWalkEntry entry, IEnumerable<ErofsExtent> extents)
    {
        var inode = entry.Inode;
        var line = new StringBuilder(entry.Path.ToString().Replace(" ", "\\x20", StringComparison.Ordinal));
        line.Append(CultureInfo.InvariantCulture, $" {Letter(inode.Kind)} 0{Convert.ToString(inode.Mode, 8)} {inode.Uid}:{inode.Gid} {inode.Mtime} ");
        line.Append(inode.Kind is EntryKind.CharDevice or EntryKind.BlockDevice
            ? string.Create(CultureInfo.InvariantCulture, $"{inode.DeviceMajor}:{inode.DeviceMinor}")
            : inode.SizeBytes.ToString(CultureInfo.InvariantCulture));
        line.Append(CultureInfo.InvariantCulture, $" nid={inode.Node.Nid} links={inode.LinkCount} {(inode.IsCompact ? "compact" : "extended")}");
        if (inode.Kind is EntryKind.RegularFile or EntryKind.Directory or EntryKind.Symlink)
            line.Append(' ').Append(inode.Layout switch { ErofsLayout.Plain => "plain", ErofsLayout.Inline => "inline", _ => "chunks" });
        int shown = 0;
        foreach (var extent in extents)
        {
            if (++shown > MaxShownExtents)
            {
                line.Append(" ...");
                break;
            }
            line.Append(CultureInfo.InvariantCulture, $" {extent.FileOffsetBytes}+{extent.LengthBytes}@{extent.Device}:{extent.DeviceOffsetBytes}");
        }
        if (inode.LinkTarget is { } target)
            line.Append(" -> ").Append(EntryPath.Display(target));
        foreach (var xattr in inode.Xattrs)
            line.Append(CultureInfo.InvariantCulture, $" {EntryPath.Display(xattr.Name)}=0x{Convert.ToHexStringLower(xattr.Value)}");
        return line.ToString();
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
