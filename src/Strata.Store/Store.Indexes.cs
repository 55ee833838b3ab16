using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Indexes: which images belong together as one image for several platforms.</content>
public sealed partial class Store
{
    /// <summary>All indexes, in the order in which they came.</summary>
    public IReadOnlyList<IndexRecord> ListIndexes() => _database.Read(s =>
        s.ListWhole("SELECT digest FROM indexes ORDER BY created, digest", r => Digest.Parse(r.GetString(0)).ToString()).Select(idx => ReadIndex(s, idx)!).ToArray());

    /// <summary>The index of a digest, or null.</summary>
    public IndexRecord? FindIndex(Digest digest) => _database.Read(s => ReadIndex(s, digest.ToString()));

    /// <summary>The index that a name means beside its image, or null.</summary>
    public IndexRecord? FindIndex(string name) => _database.Read(s =>
        s.List("SELECT idx FROM names WHERE name=$1 AND idx IS NOT NULL", r => r.GetString(0), name).Select(idx => ReadIndex(s, idx)).FirstOrDefault());

    private static IndexRecord? ReadIndex(Session s, string idx) =>
        s.List("SELECT created FROM indexes WHERE digest=$1", r => Rows.Time(r, 0), idx).Select(created => new IndexRecord(
            Digest.Parse(idx),
            created,
            s.List("SELECT name FROM names WHERE idx=$1 ORDER BY name", r => r.GetString(0), idx),
            s.List("SELECT document FROM index_documents WHERE idx=$1 ORDER BY document", r => Digest.Parse(r.GetString(0)), idx),
            s.List("SELECT manifest FROM index_images WHERE idx=$1 ORDER BY manifest", r => Digest.Parse(r.GetString(0)), idx))).FirstOrDefault();

    private static string AddIndex(Session s, Digest[] documents, IReadOnlyList<Digest> manifests)
    {
        string idx = documents[0].ToString();
        s.Run("INSERT OR IGNORE INTO indexes (digest, created) VALUES ($1, $2)", idx, Rows.Now().ToUnixTimeMilliseconds());
        foreach (var document in documents)
            s.Run("INSERT OR IGNORE INTO index_documents (idx, document) VALUES ($1, $2)", idx, document.ToString());
        foreach (var manifest in manifests)
            s.Run("INSERT OR IGNORE INTO index_images (idx, manifest) VALUES ($1, $2)", idx, manifest.ToString());
        return idx;
    }

    /// <summary>After an image lost its row: removes the indexes that only it named, or that listed it last.</summary>
    /// <param name="s">The transaction.</param>
    /// <param name="image">The image.</param>
    /// <param name="named">The indexes that its names meant.</param>
    /// <param name="orphans">Gets the images that only those indexes kept.</param>
    private static List<IndexRecord> RemoveIndexes(Session s, ImageRecord image, IReadOnlyList<Digest> named, Queue<Digest> orphans)
    {
        var removed = new List<IndexRecord>();
        foreach (var digest in named.Union(image.Indexes))
        {
            if (ReadIndex(s, digest.ToString()) is not { Names.Count: 0 } index)
                continue;
            var left = index.Manifests.Select(m => Find(s, m)).OfType<ImageRecord>().ToArray();
            // Without a name an index is kept by the images that it lists.
            if (left.Length > 0 && !named.Contains(digest))
                continue;
            foreach (var other in left.Where(i => i.Names.Count == 0 && i.Indexes.Count == 1))
                orphans.Enqueue(other.Manifest);
            foreach (string table in new[] { "index_documents", "index_images" })
                s.Run($"DELETE FROM {table} WHERE idx=$1", digest.ToString());
            s.Run("DELETE FROM indexes WHERE digest=$1", digest.ToString());
            removed.Add(index);
        }
        return removed;
    }
}
