namespace Strata.Formats.Tar;

/// <summary>One entry as a tar tells it: names are raw bytes, nothing is interpreted yet.</summary>
public sealed class TarEntry
{
    /// <summary>The name, as stored.</summary>
    public required byte[] Name { get; init; }

    /// <summary>The type.</summary>
    public required TarEntryType Type { get; init; }

    /// <summary>The target of a hard or symbolic link, as stored; empty for other types.</summary>
    public byte[] LinkName { get; init; } = [];

    /// <summary>Permission bits; bits above 07777 are dropped.</summary>
    public int Mode { get; init; }

    /// <summary>The owner's number, 0 to 2^32-2.</summary>
    public uint Uid { get; init; }

    /// <summary>The group's number, 0 to 2^32-2.</summary>
    public uint Gid { get; init; }

    /// <summary>The modification time.</summary>
    public FileTime Mtime { get; init; }

    /// <summary>The size of a regular file, holes included; 0 for other types.</summary>
    public long SizeBytes { get; init; }

    /// <summary>A device's major number.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>A device's minor number.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>Extended attributes, sorted by the bytes of their names, the last of duplicates.</summary>
    public IReadOnlyList<Xattr> Xattrs { get; init; } = [];

    /// <summary>Where a sparse file's data goes; null: the file is not sparse.</summary>
    public IReadOnlyList<DataExtent>? Extents { get; init; }

    /// <summary>For error messages.</summary>
    public override string ToString() => $"{Type} '{EntryPath.Display(Name)}'";
}
