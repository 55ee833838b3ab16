using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>The files beside the metadata from which it can be made again.</content>
public sealed partial class Store
{
    /// <summary>The images that some names belong to now.</summary>
    private List<string> OwnersOf(IEnumerable<string> names) =>
        _database.Read(s => names.SelectMany(name => s.List("SELECT manifest FROM names WHERE name=$1", r => r.GetString(0), name)).ToList());

    /// <summary>
    /// Writes images' files as the metadata has them now, or removes them with the images. Under the lock of the documents, so that the last to change
    /// an image is the last to write its file.
    /// </summary>
    /// <remarks>
    /// Beside its place, then renamed: a reader finds the old or the new one. Not synced: after a power cut names of the last seconds may be those of
    /// before, which matters only if the metadata is lost too.
    /// </remarks>
    private void RecordImages(IEnumerable<string> manifests)
    {
        foreach (string manifest in manifests.Distinct())
        {
            if (!Digest.TryParse(manifest, out var digest))
                continue; // a damaged row, which check tells
            string path = _layout.ImageFact(digest);
            var fact = _database.Read(s => FactOf(s, digest));
            if (fact is null)
            {
                File.Delete(path);
                continue;
            }
            string temporary = Path.Combine(_layout.Temporary, LayerId.New().ToString());
            try
            {
                File.WriteAllBytes(temporary, fact.Write());
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
    }

    private static ImageFact? FactOf(Session s, Digest manifest)
    {
        if (Find(s, manifest) is not { } image)
            return null;
        var names = s.List("SELECT name, idx FROM names WHERE manifest=$1 ORDER BY name", r => (r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1)), manifest.ToString());
        return new ImageFact(image, names, [.. image.Indexes.Select(idx => ReadIndex(s, idx.ToString())).OfType<IndexRecord>()]);
    }
}
