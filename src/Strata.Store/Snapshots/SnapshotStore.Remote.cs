using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Remote snapshots: a layer that is here need be neither fetched nor unpacked.</content>
public sealed partial class SnapshotStore
{
    /// <summary>If the layer that is to be unpacked is here, on that parent, makes it a committed snapshot and says so by AlreadyExists.</summary>
    private void RefuseIfHere(string target, string? parent, SnapshotRecord? below, Dictionary<string, string> labels)
    {
        if (!Digest.TryParse(target, out var digest) || (below is not null && below.Layer is null))
            return;
        var chain = new ChainId(digest);
        _ = _store.FindOrBorrow(chain); // perhaps a shared store has it
        string? name = _database.Write(s =>
        {
            var layer = s.List($"SELECT {Rows.LayerColumns} FROM layers WHERE chain=$1", Rows.Layer, chain.ToString()).FirstOrDefault();
            if (layer is null || layer.Parent != below?.Layer)
                return null;
            var there = s.List(
                $"SELECT {SnapshotRows.Columns} FROM snapshots WHERE layer=$1 AND kind=$2 AND parent IS $3", SnapshotRows.Read, chain.ToString(), (int)SnapshotKind.Committed, parent);
            if (there.Find(snapshot => snapshot.Labels.GetValueOrDefault(SnapshotLabels.Target) == target) is { } found)
                return found.Key;
            // Its name is free to choose: containerd finds it by label and parent.
            string key = s.FindSnapshot(target) is null ? target : $"{target} {LayerId.New().ToString()[..16]}";
            var now = DateTimeOffset.UtcNow;
            s.Insert(new SnapshotRecord(key, parent, SnapshotKind.Committed, labels, now, now, chain) { DriverId = layer.DriverId, Holder = LayerId.New() });
            return key;
        });
        if (name is not null)
            throw StrataException.AlreadyExists($"The layer {target} is here: it is the snapshot '{name}'.");
    }
}
