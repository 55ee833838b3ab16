using Microsoft.Data.Sqlite;

namespace Strata.Store.Metadata;

/// <summary>Rows of the metadata as records, and back.</summary>
internal static class Rows
{
    internal const string LayerColumns = "chain, diff, parent, driver_id, tar_bytes, content_bytes, blob, blob_bytes, created, shared";
    internal const string WritableColumns = "name, driver_id, parent, image, mount_target, created, init_id";
    internal const string ImageColumns = "manifest, config, top, size_bytes, created, platform, borrowed";

    internal static LayerRecord Layer(SqliteDataReader row) => new(
        new ChainId(Digest.Parse(row.GetString(0))), new DiffId(Digest.Parse(row.GetString(1))), Chain(row, 2), LayerId.Parse(row.GetString(3)),
        row.GetInt64(4), row.GetInt64(5), Digest.Parse(row.GetString(6)), row.GetInt64(7), Time(row, 8))
    {
        SharedFrom = row.IsDBNull(9) ? null : row.GetString(9),
    };

    internal static WritableRecord Writable(SqliteDataReader row) => new(
        row.GetString(0), LayerId.Parse(row.GetString(1)), Chain(row, 2), row.IsDBNull(3) ? null : Digest.Parse(row.GetString(3)),
        row.IsDBNull(4) ? null : row.GetString(4), Time(row, 5), row.IsDBNull(6) ? null : LayerId.Parse(row.GetString(6)));

    internal static ImageRecord Image(SqliteDataReader row) => new(
        Digest.Parse(row.GetString(0)), Digest.Parse(row.GetString(1)), Chain(row, 2), row.GetInt64(3), Time(row, 4), [])
    {
        Platform = row.IsDBNull(5) ? null : row.GetString(5),
        IsBorrowed = row.GetInt64(6) != 0,
    };

    internal static DateTimeOffset Time(SqliteDataReader row, int column) => DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    internal static void Insert(Session session, LayerRecord layer) => session.Run(
        $"INSERT INTO layers ({LayerColumns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        layer.ChainId.ToString(), layer.DiffId.ToString(), layer.Parent?.ToString(), layer.DriverId.ToString(), layer.TarBytes, layer.ContentBytes,
        layer.BlobDigest.ToString(), layer.BlobBytes, layer.Created.ToUnixTimeMilliseconds(), layer.SharedFrom);

    internal static void Insert(Session session, WritableRecord layer) => session.Run(
        $"INSERT INTO writable ({WritableColumns}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        layer.Name, layer.DriverId.ToString(), layer.Parent?.ToString(), layer.Image?.ToString(), layer.MountTarget, layer.Created.ToUnixTimeMilliseconds(),
        layer.InitId?.ToString());

    /// <summary>Now, as exact as it is kept: what is made and what is read back are equal.</summary>
    internal static DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

    private static ChainId? Chain(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : new ChainId(Digest.Parse(row.GetString(column)));
}
