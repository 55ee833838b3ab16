using Strata.Formats.Tar;

namespace Strata.Formats.Layers;

/// <summary>Writes typed entries as a layer's tar.</summary>
/// <remarks>
/// Whiteouts become empty files named <c>.wh.NAME</c>, owned by root, mode 0600, of 1970: the same diff gives the same bytes, whenever it is
/// made. Directory names end in a slash.
/// </remarks>
public sealed class LayerWriter : IDisposable
{
    private readonly TarWriter _tar;

    /// <summary>Starts a layer.</summary>
    public LayerWriter(Stream destination, bool leaveOpen = false) => _tar = new TarWriter(destination, leaveOpen);

    /// <summary>Writes one entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="content">The content of a regular file; not read for other kinds.</param>
    /// <exception cref="StrataException">
    /// InvalidArgument: a name begins with <c>.wh.</c>, which OCI keeps for whiteouts; or it is a socket or a device 0:0, which no layer can hold.
    /// </exception>
    public void Write(LayerEntry entry, EntryContent content)
    {
        if (entry.Kind == EntryKind.Whiteout)
        {
            WriteMark(WhiteoutNames.WhiteoutOf(entry.Path));
            return;
        }
        if (entry.Kind == EntryKind.Opaque)
        {
            WriteMark(WhiteoutNames.OpaqueMarkOf(entry.Path));
            return;
        }
        if (!CanHold(entry))
            throw StrataException.InvalidArgument($"{entry} can't be put into a layer: sockets, devices 0:0 and names that begin with '.wh.' have no form there.");
        byte[] name = entry.Kind == EntryKind.Directory
            ? entry.Path.IsRoot ? "./"u8.ToArray() : [.. entry.Path.Bytes, (byte)'/']
            : entry.Path.Bytes.ToArray();
        _tar.Write(
            new TarEntry
            {
                Name = name,
                Type = entry.Kind switch
                {
                    EntryKind.Directory => TarEntryType.Directory,
                    EntryKind.Symlink => TarEntryType.Symlink,
                    EntryKind.HardLink => TarEntryType.HardLink,
                    EntryKind.CharDevice => TarEntryType.CharDevice,
                    EntryKind.BlockDevice => TarEntryType.BlockDevice,
                    EntryKind.Fifo => TarEntryType.Fifo,
                    _ => TarEntryType.RegularFile,
                },
                LinkName = entry.Kind == EntryKind.HardLink ? entry.HardLinkTarget.Bytes.ToArray() : entry.LinkTarget ?? [],
                Mode = entry.Mode,
                Uid = entry.Uid,
                Gid = entry.Gid,
                Mtime = entry.Mtime,
                SizeBytes = entry.Kind == EntryKind.RegularFile ? entry.SizeBytes : 0,
                DeviceMajor = entry.DeviceMajor,
                DeviceMinor = entry.DeviceMinor,
                Xattrs = entry.Kind == EntryKind.HardLink ? [] : entry.Xattrs,
            },
            content);
    }

    /// <summary>True if a layer has a form for the entry. What it has none for is left out of a diff.</summary>
    public static bool CanHold(LayerEntry entry) =>
        entry.Kind != EntryKind.Socket
        && !(entry is { Kind: EntryKind.CharDevice, DeviceMajor: 0, DeviceMinor: 0 })
        && (entry.Path.IsRoot || !entry.Path.Name.StartsWith(WhiteoutNames.Prefix));

    /// <summary>Ends the layer.</summary>
    public void Complete() => _tar.WriteEnd();

    /// <inheritdoc/>
    public void Dispose() => _tar.Dispose();

    private void WriteMark(EntryPath path) =>
        _tar.Write(new TarEntry { Name = path.Bytes.ToArray(), Type = TarEntryType.RegularFile, Mode = 0x180 }, EntryContent.Empty);
}
