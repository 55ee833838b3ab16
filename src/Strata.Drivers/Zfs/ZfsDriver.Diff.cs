using Strata.Trees;

namespace Strata.Drivers.Zfs;

/// <content>Differences by what <c>zfs diff</c> tells, where the program knows it: zfs-fuse's does not.</content>
public sealed partial class ZfsDriver : IScopedDriver
{
    private bool _knowsNoDiff;

    /// <inheritdoc/>
    /// <remarks>Told against the snapshot that the layer is a clone of, which stays until the layer goes; and what changed in the other one since, which may be written to.</remarks>
    ITreeScope? IScopedDriver.FindScope(LayerId id, LayerId parent, string newTree, string oldTree, CancellationToken cancellationToken)
    {
        if (_knowsNoDiff || !ZfsProgram.Get(DatasetOf(id), "origin").TryGetValue("origin", out string? origin) || !origin.StartsWith(DatasetOf(parent) + "@", StringComparison.Ordinal))
            return null;
        var scope = new ZfsScope();
        foreach (var (layer, point) in new[] { (id, newTree), (parent, oldTree) })
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (ZfsProgram.FindChanges(origin, DatasetOf(layer)) is not { } lines)
            {
                _knowsNoDiff = true;
                return null;
            }
            if (!scope.TryAdd(lines, point, newTree, oldTree))
                return null;
        }
        return scope;
    }
}
