using Strata.Formats.Layers;
using Strata.Formats.Tar;

namespace Strata.Store;

/// <summary>A layer's tar with the owners of its entries mapped into, or out of, a user namespace's ranges. Not the same bytes otherwise.</summary>
internal static class MappedTar
{
    private static readonly LayerEntry _root = new() { Path = EntryPath.Root, Kind = EntryKind.Directory, Mode = 0x1ED };

    /// <summary>Writes a tar with the owners as they are outside.</summary>
    /// <param name="tar">The tar, compressed or not; not closed.</param>
    /// <param name="destination">Where it goes; not closed.</param>
    /// <param name="map">The mapping.</param>
    /// <param name="limits">What the tar may hold.</param>
    /// <param name="root">True: the root directory comes first, owned by the root inside, since the tar need not name it.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal static void Write(Stream tar, Stream destination, IdMapping map, LayerLimits limits, bool root, CancellationToken cancellationToken)
    {
        using var decompressed = Formats.Compression.Decompressor.Open(tar, out _, limits, leaveOpen: true);
        Copy(
            decompressed, destination, limits, root ? _root : null,
            entry => With(entry, IdMapping.ToHost(map.Users, entry.Uid), IdMapping.ToHost(map.Groups, entry.Gid)), cancellationToken);
    }

    /// <summary>Writes a tar with the owners as they are inside.</summary>
    internal static void WriteBack(Stream tar, Stream destination, IdMapping map, CancellationToken cancellationToken) => Copy(
        tar, destination, LayerLimits.Default, null,
        entry => With(entry, IdMapping.ToContainer(map.Users, entry.Uid), IdMapping.ToContainer(map.Groups, entry.Gid)), cancellationToken);

    private static void Copy(
        Stream tar, Stream destination, LayerLimits limits, LayerEntry? first, Func<LayerEntry, LayerEntry> map, CancellationToken cancellationToken)
    {
        using var reader = new LayerReader(tar, new TarReaderOptions { Limits = limits, LeaveOpen = true });
        using var writer = new LayerWriter(destination, leaveOpen: true);
        if (first is not null)
            writer.Write(map(first), EntryContent.Empty);
        while (reader.ReadNext(cancellationToken) is { } entry)
        {
            bool owned = entry.IsFileSystemObject && entry.Kind != EntryKind.HardLink;
            writer.Write(owned ? map(entry) : entry, entry.Kind == EntryKind.RegularFile ? reader.Content : EntryContent.Empty);
        }
        writer.Complete();
    }

    private static LayerEntry With(LayerEntry entry, long uid, long gid) => new()
    {
        Path = entry.Path, Kind = entry.Kind, Mode = entry.Mode, Uid = checked((uint)uid), Gid = checked((uint)gid), Mtime = entry.Mtime, SizeBytes = entry.SizeBytes,
        LinkTarget = entry.LinkTarget, HardLinkTarget = entry.HardLinkTarget, DeviceMajor = entry.DeviceMajor, DeviceMinor = entry.DeviceMinor, Xattrs = entry.Xattrs,
    };
}
