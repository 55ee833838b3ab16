using System.Security.Cryptography;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Images: their documents and names. What the documents say is not this room's business.</content>
public sealed partial class Store
{
    /// <summary>All images, by their names.</summary>
    public IReadOnlyList<ImageRecord> ListImages() => _database.Read(s =>
    {
        var names = s.List("SELECT manifest, name FROM names ORDER BY name", r => (Manifest: r.GetString(0), Name: r.GetString(1))).ToLookup(n => n.Manifest, n => n.Name);
        return s.List($"SELECT {Rows.ImageColumns} FROM images ORDER BY created, manifest", Rows.Image)
            .Select(image => image with { Names = names[image.Manifest.ToString()].ToArray() }).ToArray();
    });

    /// <summary>The image of a name, or null.</summary>
    public ImageRecord? FindImage(string name) => _database.Read(s =>
        s.List($"SELECT {Rows.ImageColumns} FROM images WHERE manifest=(SELECT manifest FROM names WHERE name=$1)", Rows.Image, name)
            .Select(image => WithNames(s, image)).FirstOrDefault());

    /// <summary>Adds an image whose layers are there, or gives one that is there another name. A name that another image has moves to this one.</summary>
    /// <param name="manifest">Its manifest, as it is. Kept.</param>
    /// <param name="config">Its config, as it is. Kept.</param>
    /// <param name="top">Its topmost layer; null: it has none.</param>
    /// <param name="names">Its names.</param>
    /// <returns>The image.</returns>
    /// <exception cref="StrataException">Unavailable: a layer is not there, perhaps since it was removed after it was registered.</exception>
    public ImageRecord AddImage(ReadOnlySpan<byte> manifest, ReadOnlySpan<byte> config, ChainId? top, IReadOnlyList<string> names)
    {
        try
        {
            return Add(manifest, config, top, names);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            throw FileErrors.Translate(e, $"Can't add an image to the store {Root}");
        }
    }

    private ImageRecord Add(ReadOnlySpan<byte> manifest, ReadOnlySpan<byte> config, ChainId? top, IReadOnlyList<string> names)
    {
        // Nobody removes a document between our finding it and our naming it.
        using var documents = LockDocuments();
        // Documents first, synced: metadata never names what is not there.
        var manifestDigest = WriteBlob(manifest);
        var configDigest = WriteBlob(config);
        return _database.Write(s =>
        {
            long sizeBytes = 0;
            try
            {
                sizeBytes = top is { } chain ? Chain(s, chain).Sum(layer => layer.ContentBytes) : 0;
            }
            catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
            {
                throw StrataException.Unavailable($"A layer of the image is not in the store; it may have been removed just now. Try again. {e.Message}", e);
            }
            s.Run("INSERT OR IGNORE INTO images (manifest, config, top, size_bytes, created) VALUES ($1, $2, $3, $4, $5)",
                manifestDigest.ToString(), configDigest.ToString(), top?.ToString(), sizeBytes, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            foreach (string name in names)
                s.Run("INSERT INTO names VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET manifest=excluded.manifest", name, manifestDigest.ToString());
            return s.List($"SELECT {Rows.ImageColumns} FROM images WHERE manifest=$1", Rows.Image, manifestDigest.ToString()).Select(i => WithNames(s, i)).Single();
        });
    }

    /// <summary>Takes a name from an image.</summary>
    /// <returns>False: there was no such name.</returns>
    public bool RemoveName(string name) => _database.Write(s => s.Run("DELETE FROM names WHERE name=$1", name)) > 0;

    /// <summary>Removes an image with all its names, and those of its layers that nothing else uses: all of it at once, in one transaction.</summary>
    /// <returns>The layers that were removed, the topmost first.</returns>
    /// <exception cref="StrataException">
    /// NotFound. Any other: the image and its layers are gone, and files of them are left that could not be deleted; whoever opens the store next tries again.
    /// </exception>
    public IReadOnlyList<LayerRecord> RemoveImage(Digest manifest) => Guard($"Can't remove the image {manifest}", () => _reserve.Using(() => Remove(manifest)));

    private List<LayerRecord> Remove(Digest manifest)
    {
        string key = manifest.ToString();
        var leases = new List<(LayerRecord Layer, Lease Lease)>(); // from the transaction on recovery finishes what a crash interrupts
        var removed = new List<LayerRecord>();
        ImageRecord image;
        try
        {
            foreach (var free in _database.Read(s => Free(s, GetImage(s, manifest), but: key)))
            {
                if (LeaseForRemoval(free.DriverId, () => IsNamed(free.DriverId)) is not { } lease)
                    break; // somebody has removed it
                leases.Add((free, lease));
            }
            image = _database.Write(s =>
            {
                var found = GetImage(s, manifest);
                s.Run("DELETE FROM names WHERE manifest=$1", key);
                s.Run("DELETE FROM images WHERE manifest=$1", key);
                // Looked at again: somebody may have begun to use one of them.
                foreach (var (free, leased) in Free(s, found, but: key).Zip(leases))
                {
                    if (free.DriverId != leased.Layer.DriverId)
                        break;
                    s.Run("DELETE FROM layers WHERE chain=$1", free.ChainId.ToString());
                    removed.Add(free);
                }
                return found;
            });
        }
        catch
        {
            foreach (var (_, lease) in leases)
                lease.Dispose();
            throw;
        }
        DiscardAll(leases, removed.Count);
        using var documents = LockDocuments();
        foreach (var document in new[] { image.Manifest, image.Config })
        {
            if (_database.Read(s => s.Count("SELECT EXISTS (SELECT 1 FROM images WHERE manifest=$1) OR EXISTS (SELECT 1 FROM images WHERE config=$1)", document.ToString())) == 0)
                File.Delete(BlobPath(document));
        }
        return removed;
    }

    private static ImageRecord GetImage(Session s, Digest manifest) =>
        s.List($"SELECT {Rows.ImageColumns} FROM images WHERE manifest=$1", Rows.Image, manifest.ToString()).FirstOrDefault()
        ?? throw StrataException.NotFound($"There is no image {manifest} in the store.");

    /// <summary>A document that an image was added with.</summary>
    /// <exception cref="StrataException">NotFound. Corrupt: it does not match its digest.</exception>
    public byte[] ReadBlob(Digest digest)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(BlobPath(digest));
        }
        catch (FileNotFoundException e)
        {
            throw StrataException.NotFound($"The document {digest} is missing from the store. Load its image again.", e);
        }
        return Digest.Sha256(SHA256.HashData(bytes)) == digest
            ? bytes
            : throw StrataException.Corrupt($"The document {digest} of the store is damaged. Load its image again.");
    }

    private ProcessLock LockDocuments() => ProcessLock.Acquire(Path.Combine(_layout.Locks, "documents"));

    private static ImageRecord WithNames(Session s, ImageRecord image) =>
        image with { Names = s.List("SELECT name FROM names WHERE manifest=$1 ORDER BY name", r => r.GetString(0), image.Manifest.ToString()) };

    private string BlobPath(Digest digest) => digest.Algorithm == "sha256"
        ? Path.Combine(_layout.Blobs, digest.Hex)
        : throw StrataException.NotSupported($"The store keeps documents by SHA-256, not by {digest.Algorithm}.");

    private Digest WriteBlob(ReadOnlySpan<byte> bytes)
    {
        var digest = Digest.Sha256(SHA256.HashData(bytes));
        string path = BlobPath(digest);
        // Compared, so that loading an image again heals a damaged document.
        if (File.Exists(path) && bytes.SequenceEqual(File.ReadAllBytes(path)))
            return digest;
        DurableFile.Write(path, Path.Combine(_layout.Temporary, LayerId.New().ToString()), bytes);
        return digest;
    }
}
