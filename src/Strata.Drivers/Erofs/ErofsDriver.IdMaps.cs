using Strata.Drivers.Overlay;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>Owners mapped for a user namespace: indexes and directories below are mounted with them, the upper directory has them on disk.</content>
public sealed partial class ErofsDriver
{
    /// <inheritdoc/>
    protected override string? FindMappingObstacle() => IdMappedMounts.FindObstacle(Home, overlay: true);

    /// <summary>The root directory of a mapped layer. Where mounts can't map, all that lies below it is copied now.</summary>
    private void MapRoot(LayerId? parent, IdMapping mapping, string diff, CreateOptions options)
    {
        var owners = new OwnerMap(mapping);
        if (parent is not { } below)
        {
            using var root = FileCalls.Open(diff, OpenFlags.ReadOnly | OpenFlags.Directory);
            var (uid, gid) = owners.ToHost(0, 0);
            Check(AttributeCalls.TryChown(root.Number, uid, gid), "chown", diff);
            return;
        }
        if (options.CopiesOwners && FindUnmapped([below, .. _layout.ReadLowers(below)]) is { } unmapped)
            _shifted.Ensure(unmapped, mapping, () => OpenView(unmapped), options);
        if (FindStoredMap(below) is not null)
            CopyRoot(_layout.Diff(below), diff);
        else
            InheritRoot(below, diff, null, owners);
    }

    /// <summary>An init layer's root has the right owners already.</summary>
    private static void CopyRoot(string from, string to)
    {
        using var source = FileCalls.Open(from, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var destination = FileCalls.Open(to, OpenFlags.ReadOnly | OpenFlags.Directory);
        var status = AttributeCalls.Stat(source);
        Check(AttributeCalls.TryChown(destination.Number, status.Uid, status.Gid), "chown", to);
        Check(AttributeCalls.TryChmod(destination.Number, status.Permissions), "chmod", to);
        foreach (var xattr in XattrCalls.GetAll(source.Number, "."u8))
        {
            if (!EntryReader.HostIndependent(xattr.Name).IsEmpty && !xattr.Name.AsSpan().StartsWith("trusted.overlay."u8) && !xattr.Name.AsSpan().StartsWith("user.overlay."u8))
                Check(XattrCalls.TrySetAt(destination.Number, "."u8, xattr.Name, xattr.Value), "setxattr", to);
        }
        Check(AttributeCalls.TrySetTime(destination.Number, status.Mtime), "utimensat", to);
    }

    /// <summary>What lies below a layer, for its mount.</summary>
    private OverlayLowers LowersOf(LayerId id, IEnumerable<Lower> stack)
    {
        if (FindStoredMap(id) is not { } map)
            return new OverlayLowers([.. stack.Select(PathOf)]);
        var (own, below) = Split(stack);
        string[] above = [.. own.Select(PathOf)];
        if (below.Count == 0)
            return new OverlayLowers(above);
        if (map.IsCopied)
            return new OverlayLowers([.. above, _shifted.PathOf(below[0].Id, map.Mapping)]);
        return new OverlayLowers([.. below.Select(PathOf)]) { Own = above, Mapping = map.Mapping };
    }

    /// <summary>Opens what lies below a layer, for a look at it.</summary>
    private void OpenBelow(LayerId? mapped, IEnumerable<Lower> stack, List<RootDirectory> opened)
    {
        if (mapped is not { } id || FindStoredMap(id) is not { } map)
        {
            foreach (var lower in stack)
                opened.Add(OpenLower(lower));
            return;
        }
        var (own, below) = Split(stack);
        foreach (var lower in own)
            opened.Add(OpenLower(lower));
        if (map.IsCopied && below.Count > 0)
        {
            opened.Add(RootDirectory.Open(_shifted.PathOf(below[0].Id, map.Mapping)));
            return;
        }
        foreach (var lower in below)
            opened.Add(OpenLower(lower, map.Mapping));
    }

    /// <summary>Init layers, which have the owners of the mapping on disk, and what lies below them.</summary>
    private (List<Lower> Own, List<Lower> Below) Split(IEnumerable<Lower> stack)
    {
        var all = stack.ToList();
        int own = 0;
        while (own < all.Count && FindStoredMap(all[own].Id) is not null)
            own++;
        return (all[..own], all[own..]);
    }

    private LayerId? FindUnmapped(IEnumerable<LayerId> nearestFirst)
    {
        foreach (var layer in nearestFirst)
        {
            if (FindStoredMap(layer) is null)
                return layer;
        }
        return null;
    }

    private static Mount Mapped(Mount mount, IdMapping mapping) => mount with { Options = [.. mount.Options, .. IdMappedMounts.OptionsFor(mapping)] };
}
