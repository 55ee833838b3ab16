using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>
/// Why anything in the store is kept. Whoever adds a table that names layers or documents adds it here: what is not reachable from these is garbage.
/// (Which of the driver's layers have a name says the view <c>driver_ids</c>.)
/// </summary>
/// <remarks>Beside these, layers are kept by the layers on them, and by the holds of processes that use them just now (<see cref="Holds"/>).</remarks>
internal static class Roots
{
    private const string LiveLease = "lease IN (SELECT name FROM leases WHERE expires IS NULL OR expires > CAST(strftime('%s', 'now') AS INTEGER) * 1000)";

    /// <summary>What keeps layers, by chain ID.</summary>
    internal static readonly RootQuery[] Layers =
    [
        new("image", "images", "top", "manifest"),
        new("writable layer", "writable", "parent", "name"),
        new("snapshot", "snapshots", "layer", "key"),
        new("Docker''s layer", "graph", "layer", "id"),
        new("lease", "lease_items", "what", "lease", $"kind='layer' AND {LiveLease}"),
    ];

    /// <summary>What keeps images that have no name, by manifest.</summary>
    internal static readonly RootQuery[] Images =
    [
        new("name", "names", "manifest", "name"),
        new("index", "index_images", "manifest", "idx", "idx IN (SELECT idx FROM names WHERE idx IS NOT NULL)"),
        new("writable layer", "writable", "image", "name"),
        new("lease", "lease_items", "what", "lease", $"kind='image' AND {LiveLease}"),
    ];

    /// <summary>What keeps documents (blobs), by digest.</summary>
    internal static readonly RootQuery[] Documents =
    [
        new("image", "images", "manifest", "manifest"),
        new("image", "images", "config", "manifest"),
        new("index", "index_documents", "document", "idx"),
    ];

    /// <summary>All that some of them keep, in one query of one column.</summary>
    internal static string Union(IEnumerable<RootQuery> roots) => string.Join(" UNION ", roots.Select(root => root.All));

    /// <summary>Who keeps one thing, or null.</summary>
    internal static string? UserOf(this Session session, IEnumerable<RootQuery> roots, string key)
    {
        foreach (var root in roots)
        {
            if (session.List(root.UserOf, row => row.GetString(0), key) is [var user])
                return user;
        }
        return null;
    }
}
