using Microsoft.Data.Sqlite;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>Snapshots in the metadata.</summary>
internal static class SnapshotRows
{
    internal const string Columns =
        "key, parent, kind, labels, created, updated, layer, driver_id, holder, diff, tar_bytes, content_bytes, blob, blob_bytes";

    internal static SnapshotRecord? FindSnapshot(this Session session, string key) =>
        session.List($"SELECT {Columns} FROM snapshots WHERE key=$1", Read, key).FirstOrDefault();

    internal static void Insert(this Session session, SnapshotRecord snapshot) => session.Run(
        $"INSERT INTO snapshots ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL, NULL, NULL, NULL)",
        snapshot.Key, snapshot.Parent, (int)snapshot.Kind, SnapshotLabels.Write(snapshot.Labels), Nanoseconds(snapshot.Created), Nanoseconds(snapshot.Updated),
        snapshot.Layer?.ToString(), snapshot.DriverId.ToString(), snapshot.Holder.ToString());

    /// <summary>Makes one row another: an active snapshot becomes a committed one.</summary>
    internal static void Replace(this Session session, SnapshotRecord old, SnapshotRecord snapshot) => session.Run(
        "UPDATE snapshots SET key=$2, parent=$3, kind=$4, labels=$5, created=$6, updated=$7, layer=$8, driver_id=$9, holder=$10 WHERE key=$1",
        old.Key, snapshot.Key, snapshot.Parent, (int)snapshot.Kind, SnapshotLabels.Write(snapshot.Labels), Nanoseconds(snapshot.Created),
        Nanoseconds(snapshot.Updated), snapshot.Layer?.ToString(), snapshot.DriverId.ToString(), snapshot.Holder.ToString());

    /// <summary>Notes what was applied to a snapshot, or that nothing was which is still all that is in it.</summary>
    internal static bool SetApplied(this Session session, SnapshotRecord snapshot, AppliedLayer? applied) => session.Run(
        "UPDATE snapshots SET diff=$3, tar_bytes=$4, content_bytes=$5, blob=$6, blob_bytes=$7 WHERE key=$1 AND holder=$2", snapshot.Key, snapshot.Holder.ToString(),
        applied?.DiffId.ToString(), applied?.TarBytes, applied?.ContentBytes, applied?.BlobDigest.ToString(), applied?.BlobBytes) == 1;

    internal static SnapshotRecord Read(SqliteDataReader row) => new(
        row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), (SnapshotKind)row.GetInt32(2), SnapshotLabels.Read(row.GetString(3)),
        Time(row.GetInt64(4)), Time(row.GetInt64(5)), row.IsDBNull(6) ? null : new ChainId(Digest.Parse(row.GetString(6))))
    {
        DriverId = LayerId.Parse(row.GetString(7)),
        Holder = LayerId.Parse(row.GetString(8)),
        Applied = row.IsDBNull(9) ? null : new AppliedLayer(
            new DiffId(Digest.Parse(row.GetString(9))), row.GetInt64(10), row.GetInt64(11), Digest.Parse(row.GetString(12)), row.GetInt64(13)),
    };

    internal static long Nanoseconds(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) * TimeSpan.NanosecondsPerTick;

    private static DateTimeOffset Time(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick);
}
