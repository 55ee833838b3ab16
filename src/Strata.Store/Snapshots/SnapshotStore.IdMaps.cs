using System.Globalization;
using Strata.Drivers;

namespace Strata.Store;

/// <content>ID mappings: whoever performs the mounts maps the IDs of what is below, and the root of what is written to must be owned by the mapped root.</content>
public sealed partial class SnapshotStore
{
    /// <summary>containerd 2 understands these options on bind and overlay mounts ("remap-ids"), and maps by idmapped mounts.</summary>
    private static IReadOnlyList<Mount> WithIdMaps(IReadOnlyList<Mount> mounts, IReadOnlyDictionary<string, string> labels) => FindIdMaps(labels) is { } maps
        ? mounts.Select(mount => mount with { Options = [.. mount.Options, "uidmap=" + maps.Uids, "gidmap=" + maps.Gids] }).ToArray()
        : mounts;

    private static CreateOptions OptionsOf(IReadOnlyDictionary<string, string> labels) => FindIdMaps(labels) is { } maps
        ? new CreateOptions { RootOwner = (MappedRoot(maps.Uids), MappedRoot(maps.Gids)) }
        : new CreateOptions();

    private static (string Uids, string Gids)? FindIdMaps(IReadOnlyDictionary<string, string> labels)
    {
        string? uids = labels.GetValueOrDefault(SnapshotLabels.UidMapping), gids = labels.GetValueOrDefault(SnapshotLabels.GidMapping);
        if (uids is null && gids is null)
            return null;
        return uids is not null && gids is not null
            ? (uids, gids)
            : throw StrataException.InvalidArgument($"A snapshot with the label {SnapshotLabels.UidMapping} needs {SnapshotLabels.GidMapping} too, and the other way round.");
    }

    /// <summary>What root is on the host, by mappings <c>container:host:size</c>.</summary>
    private static uint MappedRoot(string mappings)
    {
        foreach (string mapping in mappings.Split(','))
        {
            uint[] numbers = mapping.Split(':').Select(n => uint.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : (uint?)null).OfType<uint>().ToArray();
            if (numbers.Length != 3 || numbers[2] == 0 || mapping.Count(c => c == ':') != 2)
                throw StrataException.InvalidArgument($"'{mappings}' is no ID mapping: expected container:host:size, several by commas.");
            if (numbers[0] == 0)
                return numbers[1];
        }
        throw StrataException.InvalidArgument($"The ID mapping '{mappings}' has no place for root.");
    }
}
