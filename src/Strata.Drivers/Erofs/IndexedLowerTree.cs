using Strata.Drivers.Overlay;
using Strata.Formats.Erofs;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <summary>The layers below, looked up in their indexes: no mount is needed, and what is not asked for is not read.</summary>
/// <param name="nearestFirst">The layers: all are tars.</param>
/// <param name="rest">What lies below them, opened when it is first needed; null: nothing. Owned.</param>
/// <param name="openIndex">Opens a layer's index.</param>
/// <param name="openDevice">Opens a file that a layer's index points into.</param>
/// <param name="marks">overlayfs's marks.</param>
internal sealed class IndexedLowerTree(
    IReadOnlyList<LayerId> nearestFirst, Lazy<ILowerTree>? rest, Func<LayerId, LayerIndex> openIndex, Func<LayerId, int, FileDescriptor> openDevice, OverlayMarks marks) : ILowerTree
{
    private readonly LayerIndex?[] _indexes = new LayerIndex?[nearestFirst.Count];

    public ErofsAttributes? FindDirectory(EntryPath path)
    {
        // The nearest layer that has it tells what it is.
        for (int layer = 0; layer < nearestFirst.Count; layer++)
        {
            switch (Look(layer, path, out var found))
            {
                case Sight.Clear:
                    continue;
                case Sight.Found when found!.Kind == EntryKind.Directory:
                    return LayerIndex.AttributesOf(found) with { Xattrs = marks.WithoutMarks(found.Xattrs) };
                default:
                    return null;
            }
        }
        return rest?.Value.FindDirectory(path);
    }

    public LowerObject? FindObject(EntryPath path)
    {
        for (int layer = 0; layer < nearestFirst.Count; layer++)
        {
            switch (Look(layer, path, out var inode))
            {
                case Sight.Clear:
                    continue;
                case Sight.Found when inode!.Kind != EntryKind.Directory:
                    var id = nearestFirst[layer];
                    var place = inode is { Kind: EntryKind.RegularFile, SizeBytes: > 0 } ? Index(layer).PlaceOf(inode) : default;
                    return new LowerObject(
                        inode.Kind, LayerIndex.AttributesOf(inode), inode.LinkTarget, inode.DeviceMajor, inode.DeviceMinor, inode.SizeBytes,
                        () => new IndexedContent(inode, place, device => openDevice(id, device)));
                default:
                    return null;
            }
        }
        return rest?.Value.FindObject(path);
    }

    public IReadOnlyList<byte[]> RootNames()
    {
        var names = new HashSet<EntryPath>();
        var hidden = new HashSet<EntryPath>();
        for (int layer = 0; layer < nearestFirst.Count; layer++)
        {
            var reader = Index(layer).Reader;
            foreach (var child in reader.ReadDirectory(reader.Root))
            {
                var name = EntryPath.Root.Child(child.Name);
                if (hidden.Contains(name))
                    continue;
                if (LayerIndex.IsWhiteout(reader.ReadInode(child.Node)))
                    hidden.Add(name);
                else
                    names.Add(name);
            }
            foreach (var name in names)
                hidden.Add(name);
        }
        foreach (byte[] name in rest?.Value.RootNames() ?? [])
        {
            if (EntryPath.Root.Child(name) is var lowest && !hidden.Contains(lowest))
                names.Add(lowest);
        }
        return names.Select(name => name.Bytes.ToArray()).ToArray();
    }

    public void Dispose()
    {
        foreach (var index in _indexes)
            index?.Dispose();
        if (rest is { IsValueCreated: true })
            rest.Value.Dispose();
    }

    /// <summary>What a layer has at a path, and whether one can look through it there.</summary>
    private Sight Look(int layer, EntryPath path, out ErofsInode? found)
    {
        var reader = Index(layer).Reader;
        var here = reader.Root;
        bool opaque = false;
        found = null;
        for (var rest = path.Bytes; !rest.IsEmpty;)
        {
            int slash = rest.IndexOf((byte)'/');
            if (here.Kind != EntryKind.Directory)
                return Sight.Hidden;
            if (!reader.TryFind(here, slash < 0 ? rest : rest[..slash], out var next))
                return opaque ? Sight.Hidden : Sight.Clear;
            here = reader.ReadInode(next.Node);
            if (LayerIndex.IsWhiteout(here))
                return Sight.Hidden;
            opaque |= here.Kind == EntryKind.Directory && here.Xattrs.Any(marks.IsOpaqueMark);
            rest = slash < 0 ? default : rest[(slash + 1)..];
        }
        found = here;
        return Sight.Found;
    }

    private LayerIndex Index(int layer) => _indexes[layer] ??= openIndex(nearestFirst[layer]);

    private enum Sight
    {
        /// <summary>It has nothing there, and hides nothing.</summary>
        Clear,

        /// <summary>It has something there.</summary>
        Found,

        /// <summary>It hides what lies below it.</summary>
        Hidden,
    }
}
