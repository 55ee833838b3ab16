using Microsoft.Data.Sqlite;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>Layers that their owner names, in the metadata.</summary>
internal static class GraphRows
{
    private const string Columns = "id, parent, writable, content, layer, created, driver_id, diff, id_map";

    internal static GraphLayer? FindGraphLayer(this Session session, string id) =>
        session.List($"SELECT {Columns} FROM graph WHERE id=$1", Read, id).FirstOrDefault();

    internal static List<GraphLayer> ListGraphLayers(this Session session) => session.List($"SELECT {Columns} FROM graph ORDER BY created, id", Read);

    internal static string? FindGraphChild(this Session session, string id) =>
        session.List("SELECT id FROM graph WHERE parent=$1 LIMIT 1", r => r.GetString(0), id).FirstOrDefault();

    internal static void Insert(this Session session, GraphLayer layer) => session.Run(
        $"INSERT INTO graph ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        layer.Id, layer.Parent, layer.Writable ? 1 : 0, (int)layer.Content, layer.Layer?.ToString(), layer.Created.ToUnixTimeMilliseconds(),
        layer.DriverId.ToString(), layer.DiffId?.ToString(), layer.IdMapping?.ToString());

    /// <summary>Notes what was applied; false: the layer is not what it was.</summary>
    internal static bool Update(this Session session, GraphLayer old, GraphLayer layer) => session.Run(
        "UPDATE graph SET content=$4, layer=$5, driver_id=$6, diff=$7 WHERE id=$1 AND driver_id=$2 AND content=$3",
        old.Id, old.DriverId.ToString(), (int)old.Content, (int)layer.Content, layer.Layer?.ToString(), layer.DriverId.ToString(), layer.DiffId?.ToString()) == 1;

    private static GraphLayer Read(SqliteDataReader row) => new(
        row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetInt64(2) != 0, (GraphContent)row.GetInt32(3),
        row.IsDBNull(4) ? null : new ChainId(Digest.Parse(row.GetString(4))), Rows.Time(row, 5))
    {
        DriverId = LayerId.Parse(row.GetString(6)),
        DiffId = row.IsDBNull(7) ? null : new DiffId(Digest.Parse(row.GetString(7))),
        IdMapping = row.IsDBNull(8) ? null : IdMapping.Parse(row.GetString(8)),
    };
}
