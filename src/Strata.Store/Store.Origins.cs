using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Where layers came from: so that one that is damaged can be fetched again alone, and a push finds blobs that a registry has.</content>
public sealed partial class Store
{
    /// <summary>The places where the tar of a diff ID was seen, the latest first.</summary>
    public IReadOnlyList<LayerOrigin> ListOrigins(DiffId diff) => _database.Read(s => Origins(s, diff));

    private static List<LayerOrigin> Origins(Session s, DiffId diff) => s.List(
        "SELECT origin, blob, blob_bytes, seen FROM origins WHERE diff=$1 ORDER BY seen DESC, origin",
        row => new LayerOrigin(row.GetString(0), Digest.Parse(row.GetString(1)), row.GetInt64(2), DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(3))),
        diff.ToString());

    /// <summary>Remembers a place where a layer's blob is, which the caller has verified to be the layer. Forgotten when the last layer of that diff ID is removed.</summary>
    /// <returns>False: the store has no layer of that diff ID, so nothing was kept.</returns>
    public bool AddOrigin(DiffId diff, LayerOrigin origin) => _database.Write(s =>
    {
        if (s.Count("SELECT count(*) FROM layers WHERE diff=$1", diff.ToString()) == 0)
            return false;
        InsertOrigin(s, diff, origin);
        return true;
    });

    private static void InsertOrigin(Session s, DiffId diff, LayerOrigin origin) => s.Run(
        "INSERT INTO origins (diff, origin, blob, blob_bytes, seen) VALUES ($1, $2, $3, $4, $5) "
        + "ON CONFLICT (diff, origin) DO UPDATE SET blob=excluded.blob, blob_bytes=excluded.blob_bytes, seen=excluded.seen",
        diff.ToString(), origin.Place, origin.Blob.ToString(), origin.BlobBytes, origin.Seen.ToUnixTimeMilliseconds());
}
