using Strata.Drivers.FuseOverlay;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>Owners mapped for a user namespace: the layers below are mounted with them, the upper directory has them on disk.</content>
public sealed partial class OverlayDriver
{
    /// <inheritdoc/>
    protected override string? FindMappingObstacle() => _fuse ? FuseFeatures.CantMap : IdMappedMounts.FindObstacle(Home, overlay: true);

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
        for (LayerId? unmapped = options.CopiesOwners ? below : null; unmapped is { } layer; unmapped = ParentOf(layer))
        {
            if (FindStoredMap(layer) is not null)
                continue; // an init layer
            _shifted.Ensure(layer, mapping, () => OpenView(layer), options);
            break;
        }
        InheritRoot(below, diff, null, FindStoredMap(below) is null ? owners : null);
    }
}
