namespace Strata.Store;

/// <content>ID mappings: whoever performs the mounts maps the IDs of what is below.</content>
public sealed partial class SnapshotStore
{
    /// <summary>containerd 2 understands these options on bind and overlay mounts ("remap-ids"), and maps by idmapped mounts.</summary>
    private static IReadOnlyList<Mount> WithIdMaps(IReadOnlyList<Mount> mounts, IReadOnlyDictionary<string, string> labels)
    {
        string? uids = labels.GetValueOrDefault(SnapshotLabels.UidMapping), gids = labels.GetValueOrDefault(SnapshotLabels.GidMapping);
        if (uids is null && gids is null)
            return mounts;
        if (uids is null || gids is null)
            throw StrataException.InvalidArgument($"A snapshot with the label {SnapshotLabels.UidMapping} needs {SnapshotLabels.GidMapping} too, and the other way round.");
        return mounts.Select(mount => mount with { Options = [.. mount.Options, "uidmap=" + uids, "gidmap=" + gids] }).ToArray();
    }
}
