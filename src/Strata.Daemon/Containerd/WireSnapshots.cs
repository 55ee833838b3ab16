using Google.Protobuf.WellKnownTypes;
using Strata.Daemon.Containerd.Wire;
using Strata.Store;

namespace Strata.Daemon.Containerd;

/// <summary>Snapshots as containerd's messages have them.</summary>
internal static class WireSnapshots
{
    internal static Info ToWire(this SnapshotRecord snapshot)
    {
        var info = new Info
        {
            Name = snapshot.Key,
            Parent = snapshot.Parent ?? "",
            Kind = (Kind)(int)snapshot.Kind,
            CreatedAt = Timestamp.FromDateTimeOffset(snapshot.Created),
            UpdatedAt = Timestamp.FromDateTimeOffset(snapshot.Updated),
        };
        foreach (var (key, value) in snapshot.Labels)
            info.Labels.Add(key, value);
        return info;
    }
}
