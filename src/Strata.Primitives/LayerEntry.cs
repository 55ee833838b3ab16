namespace Strata;

/// <summary>One entry of a layer or of a tree: the currency between formats, trees and drivers.</summary>
/// <remarks>
/// Plain data, never changed after it was made. Whiteouts and opaque marks are typed (<see cref="EntryKind"/>): neither OCI's <c>.wh.</c>
/// names nor overlayfs's devices and xattrs appear in it. The content of a regular file travels beside it as <see cref="EntryContent"/>.
/// </remarks>
public sealed class LayerEntry
{
    /// <summary>Where it stands. For <see cref="EntryKind.Whiteout"/> the removed path, for <see cref="EntryKind.Opaque"/> the directory.</summary>
    public required EntryPath Path { get; init; }

    /// <summary>What it is.</summary>
    public required EntryKind Kind { get; init; }

    /// <summary>Permission bits with setuid, setgid and sticky: 0 to 07777.</summary>
    public int Mode { get; init; }

    /// <summary>The owner's number.</summary>
    public uint Uid { get; init; }

    /// <summary>The group's number.</summary>
    public uint Gid { get; init; }

    /// <summary>The time of the last modification.</summary>
    public FileTime Mtime { get; init; }

    /// <summary>The size of a regular file as stat(2) tells it, holes included; 0 for all other kinds.</summary>
    public long SizeBytes { get; init; }

    /// <summary>A symbolic link's target, uninterpreted; null for other kinds.</summary>
    public byte[]? LinkTarget { get; init; }

    /// <summary>A hard link's target inside the same tree; the root for other kinds.</summary>
    public EntryPath HardLinkTarget { get; init; }

    /// <summary>A device's major number.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>A device's minor number.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>Extended attributes, sorted by the bytes of their names; each name once.</summary>
    public IReadOnlyList<Xattr> Xattrs { get; init; } = [];

    /// <summary>True if the kind is one that a directory can hold on disk (not a whiteout or an opaque mark).</summary>
    public bool IsFileSystemObject => Kind < EntryKind.Whiteout;

    /// <summary>The same entry with another time and owner.</summary>
    public LayerEntry With(FileTime mtime, uint uid, uint gid) => new()
    {
        Path = Path,
        Kind = Kind,
        Mode = Mode,
        Uid = uid,
        Gid = gid,
        Mtime = mtime,
        SizeBytes = SizeBytes,
        LinkTarget = LinkTarget,
        HardLinkTarget = HardLinkTarget,
        DeviceMajor = DeviceMajor,
        DeviceMinor = DeviceMinor,
        Xattrs = Xattrs,
    };

    /// <summary>For error messages: kind and path.</summary>
    public override string ToString() => $"{Kind} {Path}";
}
