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

    /// <summary>The content of the current entry.</summary>
    public EntryContent Content => _tar.Content;

    /// <summary>Goes to the next entry; null at the end.</summary>
    public LayerEntry? ReadNext(CancellationToken cancellationToken = default)
    {
        while (_tar.ReadNext(cancellationToken) is { } raw)
        {
            if (Translate(raw) is { } entry)
                return entry;
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _tar.Dispose();

    private LayerEntry? Translate(TarEntry raw)
    {
        if (raw.Name.Length > _limits.MaxPathBytes)
            throw TarReader.OverLimit($"a path has {raw.Name.Length} bytes", nameof(LayerLimits.MaxPathBytes));
        if (!EntryPath.TryCreate(raw.Name, out var path))
            throw Refuse(raw, "its name reaches outside the layer or is no name");
        CheckPath(path, raw);
        var parent = path.ParentBytes;
        if (parent.StartsWith(WhiteoutNames.Prefix) || parent.IndexOf("/.wh."u8) >= 0)
        {
            if (parent.StartsWith(WhiteoutNames.MetaPrefix) || parent.IndexOf("/.wh..wh."u8) >= 0)
                return null; // inside a directory of aufs's own, such as .wh..wh.plnk
            throw Refuse(raw, "it lies below a whiteout");
        }
        switch (WhiteoutNames.Classify(path.Name))
        {
            case WhiteoutName.AufsMetadata:
                return null;
            case WhiteoutName.Malformed:
                throw Refuse(raw, "it is a whiteout that removes nothing");
            case WhiteoutName.Opaque:
                return new LayerEntry { Path = path.Parent, Kind = EntryKind.Opaque };
            case WhiteoutName.Whiteout:
                return new LayerEntry { Path = path.Parent.Child(path.Name[WhiteoutNames.Prefix.Length..]), Kind = EntryKind.Whiteout, Mtime = raw.Mtime };
        }
        if (path.IsRoot && raw.Type != TarEntryType.Directory)
            throw Refuse(raw, "the root of a layer can only be a directory");
        EntryPath hardLinkTarget = default;
        if (raw.Type == TarEntryType.HardLink)
        {
            if (!EntryPath.TryCreate(raw.LinkName, out hardLinkTarget) || hardLinkTarget.IsRoot)
                throw Refuse(raw, $"its target '{EntryPath.Display(raw.LinkName)}' is no file inside the layer");
            if (hardLinkTarget == path)
                throw Refuse(raw, "it is a hard link to itself");
            if (hardLinkTarget.Bytes.StartsWith(WhiteoutNames.Prefix) || hardLinkTarget.Bytes.IndexOf("/.wh."u8) >= 0)
                throw Refuse(raw, $"its target '{EntryPath.Display(raw.LinkName)}' is a whiteout");
            CheckPath(hardLinkTarget, raw);
        }
        if (raw.Type == TarEntryType.Symlink && (raw.LinkName.Length is 0 or > 4095 || raw.LinkName.AsSpan().IndexOf((byte)0) >= 0))
            throw Refuse(raw, "its target is empty or longer than Linux allows");
        if (raw is { Type: TarEntryType.CharDevice, DeviceMajor: 0, DeviceMinor: 0 })
            throw Refuse(raw, "it is the character device 0:0, which means a whiteout to overlayfs and is no device");
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
            if (xattr.Name.Length is 0 or > 255 || xattr.Name.AsSpan().IndexOf((byte)0) >= 0 || xattr.Name.AsSpan(1).IndexOf((byte)'.') < 0)
                throw Refuse(raw, $"'{EntryPath.Display(xattr.Name)}' is no name for an extended attribute");
        }
    }

    private static StrataException Refuse(TarEntry raw, string why) =>
        StrataException.InvalidArgument($"The layer was refused: {why}: {raw}{(raw.LinkName.Length > 0 ? $" -> '{EntryPath.Display(raw.LinkName)}'" : "")}.");
}
