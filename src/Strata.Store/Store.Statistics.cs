namespace Strata.Store;

/// <content>Numbers for whoever watches a store.</content>
public sealed partial class Store
{
    /// <summary>What the store holds, from the metadata alone: it reads all layers' rows, and no file.</summary>
    public StoreStatistics GetStatistics() => _database.Read(s => new StoreStatistics(
        s.Count("SELECT count(*) FROM layers"), s.Count("SELECT count(*) FROM images"), s.Count("SELECT count(*) FROM writable"),
        s.Count("SELECT count(*) FROM snapshots"), s.Count("SELECT count(*) FROM graph"),
        s.Count("SELECT coalesce(sum(content_bytes), 0) FROM layers"),
        s.Count(
            """
            SELECT (SELECT coalesce(sum(size_bytes), 0) FROM images)
                + (SELECT coalesce(sum(layers.content_bytes), 0) FROM snapshots JOIN layers ON layers.chain = snapshots.layer)
                + (SELECT coalesce(sum(layers.content_bytes), 0) FROM graph JOIN layers ON layers.chain = graph.layer)
            """)));

    /// <summary>The driver's layers that have no name in the metadata and that nobody is making or removing: what no crash should leave. Lists the driver's home.</summary>
    public IReadOnlyList<LayerId> FindOrphans()
    {
        var named = _database.Read(s => s.List("SELECT driver_id FROM driver_ids", r => r.GetString(0))).ToHashSet(StringComparer.Ordinal);
        return Driver.List().Where(id => !named.Contains(id.ToString()) && !File.Exists(Path.Combine(_layout.Leases, id.ToString())) && !IsNamed(id)).ToArray();
    }
}
