using System.Globalization;
using System.Text;

namespace Strata.Trees;

/// <summary>
/// The attribute in which those who are not root keep owner, mode and type of a file: <c>user.containers.override_stat</c>, value
/// <c>UID:GID:MODE[:TYPE]</c>, the mode in octal, TYPE one of <c>file</c>, <c>dir</c>, <c>symlink</c>, <c>pipe</c>, <c>socket</c>,
/// <c>block-MAJOR-MINOR</c>, <c>char-MAJOR-MINOR</c>. Podman's storage and fuse-overlayfs read and write the same.
/// </summary>
/// <param name="Uid">The owner.</param>
/// <param name="Gid">The group.</param>
/// <param name="Mode">Permission bits.</param>
/// <param name="Kind">The type; null: that of the file on disk.</param>
/// <param name="Major">A device's major number.</param>
/// <param name="Minor">A device's minor number.</param>
public readonly record struct StatOverride(uint Uid, uint Gid, int Mode, EntryKind? Kind = null, uint Major = 0, uint Minor = 0)
{
    /// <summary>The attribute's name.</summary>
    public static ReadOnlySpan<byte> AttributeName => "user.containers.override_stat"u8;

    /// <summary>Of an entry.</summary>
    public static StatOverride Of(LayerEntry entry) =>
        new(entry.Uid, entry.Gid, entry.Mode, entry.Kind, entry.DeviceMajor, entry.DeviceMinor);

    /// <summary>Reads the attribute's value; false: it is none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out StatOverride result)
    {
        result = default;
        string[] parts = Encoding.ASCII.GetString(value).Split(':');
        if (parts.Length is < 3 or > 4
            || !uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint uid)
            || !uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint gid))
            return false;
        int mode = 0;
        foreach (char c in parts[2])
        {
            if (c is < '0' or > '7' || mode > 0xFFFF)
                return false;
            mode = (mode << 3) | (c - '0');
        }
        EntryKind? kind = null;
        uint major = 0, minor = 0;
        if (parts.Length == 4)
        {
            string[] type = parts[3].Split('-');
            kind = type[0] switch
            {
                "file" => EntryKind.RegularFile,
                "dir" => EntryKind.Directory,
                "symlink" => EntryKind.Symlink,
                "pipe" => EntryKind.Fifo,
                "socket" => EntryKind.Socket,
                "block" => EntryKind.BlockDevice,
                "char" => EntryKind.CharDevice,
                _ => null,
            };
            if (kind is EntryKind.BlockDevice or EntryKind.CharDevice
                && (type.Length != 3 || !uint.TryParse(type[1], CultureInfo.InvariantCulture, out major)
                    || !uint.TryParse(type[2], CultureInfo.InvariantCulture, out minor)))
                return false;
        }
        result = new StatOverride(uid, gid, mode & 0xFFF, kind, major, minor);
        return true;
    }

    /// <summary>The attribute's value.</summary>
    public byte[] ToBytes()
    {
        string type = Kind switch
        {
            EntryKind.Directory => ":dir",
            EntryKind.RegularFile => ":file",
            EntryKind.Symlink => ":symlink",
            EntryKind.Fifo => ":pipe",
            EntryKind.Socket => ":socket",
            EntryKind.BlockDevice => $":block-{Major}-{Minor}",
            EntryKind.CharDevice => $":char-{Major}-{Minor}",
            _ => "",
        };
        return Encoding.ASCII.GetBytes($"{Uid}:{Gid}:0{Convert.ToString(Mode, 8)}{type}");
    }
}
