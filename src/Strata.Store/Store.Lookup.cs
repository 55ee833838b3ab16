using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Finding in a store of a hundred thousand layers: by one query each, through an index, without reading what was not asked for.</content>
public sealed partial class Store
{
    private const int MaxChain = 1_000_000; // a damaged database must not make a query run for ever
    private const string HexEnd = "g"; // behind every digit: ends the range of what begins with some digits

    /// <summary>How many layers, images and writable layers there are.</summary>
    public StoreCounts Count() => _database.Read(s => new StoreCounts(
        s.Count("SELECT count(*) FROM layers"), s.Count("SELECT count(*) FROM images"), s.Count("SELECT count(*) FROM writable")));

    /// <summary>Some layers, in the order in which they came.</summary>
    /// <param name="limit">How many at most; 1 or more.</param>
    /// <param name="after">The last layer of the page before; null: from the first one. It may have been removed meanwhile.</param>
    public IReadOnlyList<LayerRecord> ListLayers(int limit, LayerRecord? after = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return _database.Read(s => s.ListWhole(
            $"SELECT {Rows.LayerColumns} FROM layers WHERE (created, chain) > ($1, $2) ORDER BY created, chain LIMIT $3", Rows.Layer,
            after?.Created.ToUnixTimeMilliseconds() ?? long.MinValue, after?.ChainId.ToString() ?? "", limit));
    }

    /// <summary>The layers whose chain ID begins with some digits; if there is none, those whose diff ID does.</summary>
    /// <param name="hexPrefix">Lower-case hexadecimal digits.</param>
    /// <param name="limit">How many at most.</param>
    public IReadOnlyList<LayerRecord> FindLayersByPrefix(string hexPrefix, int limit) => _database.Read(s => LayersByPrefix(s, hexPrefix, limit));

    private static List<LayerRecord> LayersByPrefix(Session s, string hexPrefix, int limit) =>
        Layers(s, "chain", hexPrefix, limit) is { Count: > 0 } found ? found : Layers(s, "diff", hexPrefix, limit);

    /// <summary>The images whose manifest's digest or ID begins with some digits.</summary>
    /// <param name="hexPrefix">Lower-case hexadecimal digits.</param>
    /// <param name="limit">How many at most.</param>
    public IReadOnlyList<ImageRecord> FindImagesByPrefix(string hexPrefix, int limit) => _database.Read(s => ByPrefix(s, hexPrefix, limit));

    private static ImageRecord[] ByPrefix(Session s, string hexPrefix, int limit) => s.ListWhole(
        $"""
        SELECT {Rows.ImageColumns} FROM images WHERE manifest >= $1 AND manifest < $2
        UNION SELECT {Rows.ImageColumns} FROM images WHERE config >= $1 AND config < $2 LIMIT $3
        """, Rows.Image, "sha256:" + hexPrefix, "sha256:" + hexPrefix + HexEnd, limit).Select(image => WithNames(s, image)).ToArray();

    /// <summary>The image of a manifest, or null.</summary>
    public ImageRecord? FindImage(Digest manifest) => _database.Read(s => Find(s, manifest));

    private static List<LayerRecord> Layers(Session s, string column, string hexPrefix, int limit) => s.ListWhole(
        $"SELECT {Rows.LayerColumns} FROM layers WHERE {column} >= $1 AND {column} < $2 LIMIT $3", Rows.Layer,
        "sha256:" + hexPrefix, "sha256:" + hexPrefix + HexEnd, limit);

    /// <summary>A layer and those below it, the topmost first.</summary>
    /// <exception cref="StrataException">NotFound: one is missing.</exception>
    private static List<LayerRecord> Chain(Session s, ChainId top)
    {
        var chain = s.ListWhole(
            $"""
            WITH RECURSIVE up (id, depth) AS (
                VALUES ($1, 0)
                UNION ALL SELECT l.parent, depth + 1 FROM up JOIN layers l ON l.chain = up.id WHERE l.parent IS NOT NULL AND depth < $2)
            SELECT {Rows.LayerColumns} FROM up CROSS JOIN layers ON chain = id ORDER BY depth
            """, Rows.Layer, top.ToString(), MaxChain);
        var missing = chain.Count == 0 ? top : chain[^1].Parent;
        return missing is { } id ? throw StrataException.NotFound($"There is no layer {id} in the store.") : chain;
    }

    /// <summary>The layers of an image that nothing else uses, the topmost first.</summary>
    /// <param name="s">The read or transaction.</param>
    /// <param name="image">The image.</param>
    /// <param name="but">The manifest of an image that does not count.</param>
    private static List<LayerRecord> Free(Session s, ImageRecord image, string but) => s.ListWhole(
        $"""
        WITH RECURSIVE up (id, depth) AS (
            SELECT chain, 0 FROM layers l WHERE chain = $1 AND NOT EXISTS (SELECT 1 FROM layers WHERE parent = l.chain) AND {Unused}
            UNION ALL
            SELECT l.chain, depth + 1 FROM up JOIN layers below ON below.chain = up.id JOIN layers l ON l.chain = below.parent
            WHERE depth < $3 AND NOT EXISTS (SELECT 1 FROM layers WHERE parent = l.chain AND chain <> up.id) AND {Unused})
        SELECT {Rows.LayerColumns} FROM up CROSS JOIN layers ON chain = id ORDER BY depth
        """, Rows.Layer, image.TopLayer?.ToString(), but, MaxChain);

    private static readonly string Unused = string.Join(" AND ", Roots.Layers.Select(root => root.Unused("l.chain", but: root.Table == "images" ? "$2" : null)));
}
