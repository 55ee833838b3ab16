using Strata.Formats.Tar;

namespace Strata.Formats.Layers;

/// <summary>Reads a layer's tar as typed entries: names checked, whiteouts translated, limits kept.</summary>
/// <remarks>
/// What no layer may hold is refused by an error of kind InvalidArgument that names the entry: names that reach outside (<c>..</c>), a root that
/// is no directory (CVE-2021-29136), malformed whiteouts, a character device 0:0 (which overlayfs takes for a whiteout), hard links to nothing.
/// aufs's metadata is skipped. Duplicates are passed on: the last wins, in whoever takes them. Sources: image-spec layer.md.
/// </remarks>
public sealed class LayerReader : IDisposable
{
    /// <summary>Linux has 12 bits for the major number and 20 for the minor (include/linux/kdev_t.h).</summary>
    private const uint MaxDeviceMajor = (1 << 12) - 1, MaxDeviceMinor = (1 << 20) - 1;

    private readonly TarReader _tar;
    private readonly LayerLimits _limits;

    /// <summary>Starts reading.</summary>
    /// <param name="tar">The uncompressed tar.</param>
    /// <param name="options">Limits, recorder, raw copy; or null.</param>
    public LayerReader(Stream tar, TarReaderOptions? options = null)
    {
        options ??= new TarReaderOptions();
        _limits = options.Limits;
        _tar = new TarReader(tar, options);
    }

    /// <summary>Which entry of the tar the reader stands at.</summary>
    public long EntryIndex => _tar.EntryIndex;

    /// <summary>Where the current entry's data begins in the tar; -1: it has none.</summary>
    public long DataOffsetBytes => _tar.DataOffsetBytes;

    /// <summary>How many bytes of the tar were passed.</summary>
    public long PositionBytes => _tar.PositionBytes;

    /// <summary>The sizes of the regular files so far, together; holes of sparse files included.</summary>
    public long ContentBytesTotal { get; private set; }

    /// <summary>The content of the current entry: read it before the next one is asked for, or not at all.</summary>
    public EntryContent Content => _tar.Content;

    /// <summary>Goes to the next entry; null at the end, when the tar has been read to its last byte.</summary>
    /// <exception cref="StrataException">
    /// InvalidArgument: an entry that no layer may hold. NotSupported: a type of entry that is not known. Exhausted: a limit. Corrupt: the tar is
    /// broken. After an error the reader is of no more use.
    /// </exception>
    public LayerEntry? ReadNext(CancellationToken cancellationToken = default)
    {
        while (_tar.ReadNext(cancellationToken) is { } raw)
        {
            if (Translate(raw) is not { } entry)
                continue;
            ContentBytesTotal += entry.SizeBytes;
            return entry;
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _tar.Dispose();

    private LayerEntry? Translate(TarEntry raw)
    {
        if (raw.Name.Length > _limits.MaxPathBytes || raw.LinkName.Length > _limits.MaxPathBytes)
            throw TarReader.OverLimit($"a path has {Math.Max(raw.Name.Length, raw.LinkName.Length)} bytes", nameof(LayerLimits.MaxPathBytes));
        if (raw.Name.Length == 0 || !EntryPath.TryCreate(raw.Name, out var path))
            throw Refuse(raw, "its name reaches outside the layer or is no name");
        if (WhiteoutNames.FirstReserved(path.Bytes) is { IsEmpty: false } reserved)
        {
            var meaning = WhiteoutNames.Classify(reserved);
            if (meaning == WhiteoutName.AufsMetadata)
                return null; // with all that is below it, such as .wh..wh.plnk
            if (WhiteoutNames.FirstReserved(path.ParentBytes) is { IsEmpty: false })
                throw Refuse(raw, "it lies below a whiteout");
            return Whiteout(raw, path, meaning);
        }
        CheckPath(path, raw);
        if (path.IsRoot && raw.Type != TarEntryType.Directory)
            throw Refuse(raw, "the root of a layer can only be a directory");
        EntryPath hardLinkTarget = default;
        if (raw.Type == TarEntryType.HardLink)
        {
            if (!EntryPath.TryCreate(raw.LinkName, out hardLinkTarget) || hardLinkTarget.IsRoot)
                throw Refuse(raw, $"its target '{EntryPath.Display(raw.LinkName)}' is no file inside the layer");
            if (hardLinkTarget == path)
                throw Refuse(raw, "it is a hard link to itself");
            if (!WhiteoutNames.FirstReserved(hardLinkTarget.Bytes).IsEmpty)
                throw Refuse(raw, $"its target '{EntryPath.Display(raw.LinkName)}' is a whiteout");
            CheckPath(hardLinkTarget, raw);
        }
        if (raw.Type == TarEntryType.Symlink && (raw.LinkName.Length is 0 or > 4095 || raw.LinkName.AsSpan().IndexOf((byte)0) >= 0))
            throw Refuse(raw, "its target is empty or longer than Linux allows");
        if (raw is { Type: TarEntryType.CharDevice, DeviceMajor: 0, DeviceMinor: 0 })
            throw Refuse(raw, "it is the character device 0:0, which means a whiteout to overlayfs and is no device");
        if (raw.DeviceMajor > MaxDeviceMajor || raw.DeviceMinor > MaxDeviceMinor)
            throw Refuse(raw, $"its device number {raw.DeviceMajor}:{raw.DeviceMinor} is out of Linux's range, which ends at {MaxDeviceMajor}:{MaxDeviceMinor}");
        CheckXattrs(raw);
        if (raw.Type == TarEntryType.RegularFile)
            _tar.ReferenceContent(path);
        return new LayerEntry
        {
            Path = path,
            Kind = raw.Type switch
            {
                TarEntryType.Directory => EntryKind.Directory,
                TarEntryType.Symlink => EntryKind.Symlink,
                TarEntryType.HardLink => EntryKind.HardLink,
                TarEntryType.CharDevice => EntryKind.CharDevice,
                TarEntryType.BlockDevice => EntryKind.BlockDevice,
                TarEntryType.Fifo => EntryKind.Fifo,
                _ => EntryKind.RegularFile,
            },
            Mode = raw.Mode,
            Uid = raw.Uid,
            Gid = raw.Gid,
            Mtime = raw.Mtime,
            SizeBytes = raw.SizeBytes,
            LinkTarget = raw.Type == TarEntryType.Symlink ? raw.LinkName : null,
            HardLinkTarget = hardLinkTarget,
            DeviceMajor = raw.DeviceMajor,
            DeviceMinor = raw.DeviceMinor,
            Xattrs = raw.Xattrs,
        };
    }

    /// <summary>The mark's own name may be four bytes longer than the longest that Linux has: what it removes has to fit.</summary>
    private LayerEntry Whiteout(TarEntry raw, EntryPath mark, WhiteoutName meaning)
    {
        if (meaning == WhiteoutName.Malformed)
            throw Refuse(raw, "it is a whiteout of nothing that could exist");
        var path = meaning == WhiteoutName.Opaque ? mark.Parent : mark.Parent.Child(mark.Name[WhiteoutNames.Prefix.Length..]);
        CheckPath(path, raw);
        return new LayerEntry
        {
            Path = path,
            Kind = meaning == WhiteoutName.Opaque ? EntryKind.Opaque : EntryKind.Whiteout,
            Mtime = raw.Mtime,
        };
    }

    private void CheckPath(EntryPath path, TarEntry raw)
    {
        var bytes = path.Bytes;
        if (bytes.Length > _limits.MaxNameBytes || path.Depth > _limits.MaxPathDepth)
        {
            if (path.Depth > _limits.MaxPathDepth)
                throw TarReader.OverLimit($"the path of {raw} has {path.Depth} components", nameof(LayerLimits.MaxPathDepth));
            while (!bytes.IsEmpty)
            {
                int slash = bytes.IndexOf((byte)'/');
                int length = slash < 0 ? bytes.Length : slash;
                if (length > _limits.MaxNameBytes)
                    throw TarReader.OverLimit($"the path of {raw} has a name of {length} bytes", nameof(LayerLimits.MaxNameBytes));
                bytes = slash < 0 ? default : bytes[(slash + 1)..];
            }
        }
    }

    private static void CheckXattrs(TarEntry raw)
    {
        foreach (var xattr in raw.Xattrs)
        {
            // xattr(7): a namespace, a dot, a name; 255 bytes at most.
            int dot = xattr.Name.AsSpan().IndexOf((byte)'.');
            if (dot <= 0 || dot == xattr.Name.Length - 1 || xattr.Name.Length > 255 || xattr.Name.AsSpan().IndexOf((byte)0) >= 0)
                throw Refuse(raw, $"'{EntryPath.Display(xattr.Name)}' is no name for an extended attribute");
        }
    }

    private static StrataException Refuse(TarEntry raw, string why) =>
        StrataException.InvalidArgument($"The layer was refused: {why}: {raw}{(raw.LinkName.Length > 0 ? $" -> '{EntryPath.Display(raw.LinkName)}'" : "")}.");
}
