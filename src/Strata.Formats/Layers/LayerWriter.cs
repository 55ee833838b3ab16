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
    /// <param name="destination">Gets the uncompressed tar. Disposed with this unless <paramref name="leaveOpen"/>.</param>
    /// <param name="leaveOpen">True: <paramref name="destination"/> stays open.</param>
    public LayerWriter(Stream destination, bool leaveOpen = false) => _tar = new TarWriter(destination, leaveOpen);

    /// <summary>Writes one entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="content">The content of a regular file; not read for other kinds.</param>
    /// <exception cref="StrataException">
    /// InvalidArgument: the entry has no form in a layer (see <see cref="CanHold"/>), removes the root, or links to nothing. Corrupt: the content
    /// is longer or shorter than the entry's size. After an error the layer is of no use.
    /// </exception>
    public void Write(LayerEntry entry, EntryContent content)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(content);
        if (!CanHold(entry))
            throw Refuse(entry, "sockets, character devices 0:0 and names that begin with '.wh.' have no form there");
        if (entry.Kind == EntryKind.Whiteout)
        {
            if (entry.Path.IsRoot)
                throw Refuse(entry, "the root can't be removed; make it opaque instead");
            WriteMark(WhiteoutNames.WhiteoutOf(entry.Path));
            return;
        }
        if (entry.Kind == EntryKind.Opaque)
        {
            WriteMark(WhiteoutNames.OpaqueMarkOf(entry.Path));
            return;
        }
        if (entry.Path.IsRoot && entry.Kind != EntryKind.Directory)
            throw Refuse(entry, "the root can only be a directory");
        if (entry.Kind == EntryKind.Symlink && entry.LinkTarget is not { Length: > 0 })
            throw Refuse(entry, "it has no target");
        if (entry.Kind == EntryKind.HardLink && (entry.HardLinkTarget.IsRoot || entry.HardLinkTarget == entry.Path))
            throw Refuse(entry, $"it is a hard link to {entry.HardLinkTarget}");
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

    /// <summary>
    /// True if a layer has a form for the entry. It has none for sockets, for the character device 0:0 (overlayfs's whiteout), for names that
    /// begin with <c>.wh.</c> and all that lies below them, and for hard links to any of these: leave them out of a diff.
    /// </summary>
    public static bool CanHold(LayerEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry.Kind != EntryKind.Socket
            && !(entry is { Kind: EntryKind.CharDevice, DeviceMajor: 0, DeviceMinor: 0 })
            && WhiteoutNames.FirstReserved(entry.Path.Bytes).IsEmpty
            && WhiteoutNames.FirstReserved(entry.HardLinkTarget.Bytes).IsEmpty;
    }

    /// <summary>Ends the layer.</summary>
    public void Complete() => _tar.WriteEnd();

    /// <inheritdoc/>
    public void Dispose() => _tar.Dispose();

    private static StrataException Refuse(LayerEntry entry, string why) =>
        StrataException.InvalidArgument($"{entry} can't be put into a layer: {why}.");

    private void WriteMark(EntryPath path) =>
        _tar.Write(new TarEntry { Name = path.Bytes.ToArray(), Type = TarEntryType.RegularFile, Mode = 0x180 }, EntryContent.Empty);
}
