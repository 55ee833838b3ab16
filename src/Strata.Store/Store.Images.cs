using System.Security.Cryptography;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Images: their documents and names. What the documents say is not this room's business.</content>
public sealed partial class Store
{
    /// <summary>All images, in the order in which they came.</summary>
    public IReadOnlyList<ImageRecord> ListImages() => _database.Read(ReadImages);

    private static ImageRecord[] ReadImages(Session s)
    {
        var names = s.List("SELECT manifest, name FROM names ORDER BY name", r => (r.GetString(0), r.GetString(1))).ToLookup(r => r.Item1, r => r.Item2);
        var indexes = s.List("SELECT manifest, idx FROM index_images ORDER BY idx", r => (r.GetString(0), r.GetString(1))).ToLookup(r => r.Item1, r => r.Item2);
        return s.ListWhole($"SELECT {Rows.ImageColumns} FROM images ORDER BY created, manifest", Rows.Image).Select(image =>
        {
            string key = image.Manifest.ToString();
            return image with { Names = [.. names[key]], Indexes = [.. indexes[key].Where(idx => Digest.TryParse(idx, out _)).Select(Digest.Parse)] };
        }).ToArray();
    }

    /// <summary>The image of a name, or null.</summary>
    public ImageRecord? FindImage(string name) => _database.Read(s => Named(s, name));

    private static ImageRecord? Named(Session s, string name) =>
        s.ListWhole($"SELECT {Rows.ImageColumns} FROM images WHERE manifest=(SELECT manifest FROM names WHERE name=$1)", Rows.Image, name)
            .Select(image => WithNames(s, image)).FirstOrDefault();

    /// <summary>Adds an image whose layers are there, or gives one that is there another name. A name that another image has moves to this one.</summary>
    /// <param name="manifest">Its manifest, as it is. Kept.</param>
    /// <param name="config">Its config, as it is. Kept.</param>
    /// <param name="top">Its topmost layer; null: it has none.</param>
    /// <param name="names">Its names.</param>
    /// <param name="platform">For which platform it is, to be shown and searched; null: not known.</param>
    /// <returns>The image.</returns>
    /// <exception cref="StrataException">Unavailable: a layer is not there, perhaps since it was removed after it was registered.</exception>
    public ImageRecord AddImage(ReadOnlySpan<byte> manifest, ReadOnlySpan<byte> config, ChainId? top, IReadOnlyList<string> names, string? platform = null) =>
        AddImages([new ImageInput { Manifest = manifest.ToArray(), Config = config.ToArray(), TopLayer = top, Names = names, Platform = platform }])[0];

    /// <summary>Adds images, and the index that they came by: all of them at once, or nothing.</summary>
    /// <param name="images">The images.</param>
    /// <param name="index">What lists them; their names point to it too. Null: nothing does.</param>
    /// <returns>The images as they are in the store, in the same order.</returns>
    /// <exception cref="StrataException">
    /// Unavailable: a layer is not there, perhaps since it was removed after it was registered. InvalidArgument: a name has a digest, and it is another image's.
    /// </exception>
    public IReadOnlyList<ImageRecord> AddImages(IReadOnlyList<ImageInput> images, IndexInput? index = null) =>
        Guard($"Can't add an image to the store {Root}", () => Add(images, index));

    private ImageRecord[] Add(IReadOnlyList<ImageInput> images, IndexInput? index)
    {
        foreach (var image in images)
        {
            foreach (string name in image.Names)
                RequireOwnDigest(name, () => DigestOf(image.Manifest.Span), () => index is null ? null : DigestOf(index.Documents[0].Span));
        }
        using var documents = LockDocuments();
        // Documents first, synced: metadata never names what is not there.
        var written = images.Select(image => (Manifest: WriteBlob(image.Manifest.Span), Config: WriteBlob(image.Config.Span))).ToArray();
        var indexDocuments = index?.Documents.Select(document => WriteBlob(document.Span)).ToArray();
        if (_lease is null && FindUnchanged(images, index, written, indexDocuments) is { } there)
            return there; // loaded again: nothing to write, and nothing to wait for
        var changed = OwnersOf(images.SelectMany(image => image.Names));
        var added = _database.Write(s =>
        {
            string? idx = index is null ? null : AddIndex(s, indexDocuments!, index.Manifests);
            for (int i = 0; i < images.Count; i++)
            {
                string key = written[i].Manifest.ToString();
                long sizeBytes = RequireLayers(s, images[i].TopLayer);
                s.Run("""
                    INSERT INTO images (manifest, config, top, size_bytes, created, platform, borrowed) VALUES ($1, $2, $3, $4, $5, $6, $7)
                    ON CONFLICT (manifest) DO UPDATE SET platform=coalesce(excluded.platform, platform), borrowed=min(excluded.borrowed, borrowed)
                    """,
                    key, written[i].Config.ToString(), images[i].TopLayer?.ToString(), sizeBytes, Rows.Now().ToUnixTimeMilliseconds(), images[i].Platform, images[i].IsBorrowed ? 1 : 0);
                if (_lease is { } lease)
                    AddToLease(s, lease, "image", key);
                foreach (string name in images[i].Names)
                    SetName(s, name, key, idx);
            }
            return written.Select(w => Find(s, w.Manifest)!).ToArray();
        });
        RecordImages([.. changed, .. added.Select(image => image.Manifest.ToString())]);
        return added;
    }

    /// <summary>The images, if all that is to be added is there already, down to the names; else null.</summary>
    private ImageRecord[]? FindUnchanged(IReadOnlyList<ImageInput> images, IndexInput? index, (Digest Manifest, Digest Config)[] written, Digest[]? indexDocuments) => _database.Read(s =>
    {
        if (index is not null && !(ReadIndex(s, indexDocuments![0].ToString()) is { } kept
            && kept.Documents.ToHashSet().IsSupersetOf(indexDocuments) && kept.Manifests.ToHashSet().IsSupersetOf(index.Manifests)))
            return null;
        var found = new ImageRecord[images.Count];
        for (int i = 0; i < found.Length; i++)
        {
            var input = images[i];
            if (Find(s, written[i].Manifest) is not { } image || image.Config != written[i].Config || image.TopLayer != input.TopLayer || (image.IsBorrowed && !input.IsBorrowed)
                || (input.Platform is { } platform && image.Platform != platform) || !File.Exists(_layout.ImageFact(image.Manifest)))
                return null;
            foreach (string name in input.Names)
            {
                if (s.Count("SELECT count(*) FROM names WHERE name=$1 AND manifest=$2 AND idx IS $3", name, image.Manifest.ToString(), indexDocuments?[0].ToString()) == 0)
                    return null;
            }
            found[i] = image;
        }
        return found;
    });

    /// <summary>An image, if it is here as it would be after it is added once more: all of its documents, and its names, which mean no index. Else null.</summary>
    /// <remarks>Takes no lock, writes nothing, and computes no digest: documents are compared with those that are kept.</remarks>
    /// <param name="manifest">The image.</param>
    /// <param name="names">The names it is to have.</param>
    /// <param name="read">Reads a document of so many bytes of what would be added; null: it can't be had.</param>
    public ImageRecord? FindUnchanged(Digest manifest, IReadOnlyList<string> names, Func<Digest, long, byte[]?> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        if (_lease is not null || FindImage(manifest) is not { IsBorrowed: false } image || !File.Exists(_layout.ImageFact(manifest)))
            return null;
        foreach (string name in names)
        {
            if (_database.Read(s => s.Count("SELECT count(*) FROM names WHERE name=$1 AND manifest=$2 AND idx IS NULL", name, manifest.ToString())) == 0)
                return null;
        }
        foreach (var document in new[] { manifest, image.Config })
        {
            if (new FileInfo(BlobPath(document)) is not { Exists: true } file || !File.ReadAllBytes(file.FullName).AsSpan().SequenceEqual(read(document, file.Length)))
                return null;
        }
        return image;
    }

    /// <summary>Gives an image another name; a name that another image has moves to this one.</summary>
    /// <param name="name">The name.</param>
    /// <param name="manifest">The image.</param>
    /// <param name="index">The index that the name is to mean beside the image, or null.</param>
    /// <exception cref="StrataException">NotFound: there is no such image or index. InvalidArgument: the name has a digest, and it is another image's.</exception>
    public void AddName(string name, Digest manifest, Digest? index = null) => Guard($"Can't add the name '{name}'", () =>
    {
        RequireOwnDigest(name, () => manifest, () => index);
        using var documents = LockDocuments();
        var changed = OwnersOf([name]);
        _database.Write(s =>
        {
            if (Find(s, manifest) is null)
                throw StrataException.NotFound($"There is no image {manifest} in the store.");
            if (index is { } idx && s.Count("SELECT count(*) FROM indexes WHERE digest=$1", idx.ToString()) == 0)
                throw StrataException.NotFound($"There is no index {idx} in the store.");
            SetName(s, name, manifest.ToString(), index?.ToString());
            s.Run("UPDATE images SET borrowed=0 WHERE manifest=$1", manifest.ToString()); // somebody's own from now on
            return true;
        });
        RecordImages([.. changed, manifest.ToString()]);
        return true;
    });

    /// <summary>Takes a name from an image.</summary>
    /// <returns>False: there was no such name.</returns>
    public bool RemoveName(string name) => Guard($"Can't remove the name '{name}'", () =>
    {
        using var documents = LockDocuments();
        var changed = OwnersOf([name]);
        bool removed = _reserve.Using(() => _database.Write(s => s.Run("DELETE FROM names WHERE name=$1", name))) > 0;
        RecordImages(changed);
        return removed;
    });

    /// <summary>
    /// Removes an image with all its names, and those of its layers that nothing else uses: all of it at once, in one transaction. An index that has
    /// no other name goes with it; then the images go that only that index kept, each at once with its layers.
    /// </summary>
    /// <returns>The layers that were removed, of each image the topmost first.</returns>
    /// <exception cref="StrataException">
    /// NotFound. Any other: the image and its layers are gone, and files of them are left that could not be deleted; whoever opens the store next tries again.
    /// </exception>
    public IReadOnlyList<LayerRecord> RemoveImage(Digest manifest) => Guard($"Can't remove the image {manifest}", () =>
    {
        var removed = new List<LayerRecord>();
        var orphans = new Queue<Digest>();
        _reserve.Using(() => Remove(manifest, removed, orphans));
        while (orphans.TryDequeue(out var orphan))
        {
            try
            {
                _reserve.Using(() => Remove(orphan, removed, orphans));
            }
            catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
            {
                continue; // somebody else removed it
            }
        }
        return removed;
    });

    private bool Remove(Digest manifest, List<LayerRecord> removedBefore, Queue<Digest> orphans)
    {
        string key = manifest.ToString();
        var leases = new List<(LayerRecord Layer, Lease Lease)>(); // from the transaction on recovery finishes what a crash interrupts
        var removed = new List<LayerRecord>();
        ImageRecord image;
        IReadOnlyList<IndexRecord> indexes = [];
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
                var named = s.List("SELECT DISTINCT idx FROM names WHERE manifest=$1 AND idx IS NOT NULL", r => Digest.Parse(r.GetString(0)), key);
                s.Run("DELETE FROM names WHERE manifest=$1", key);
                s.Run("DELETE FROM images WHERE manifest=$1", key);
                indexes = RemoveIndexes(s, found, named, orphans);
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
        removedBefore.AddRange(removed);
        try
        {
            // What says what it was goes first: metadata that is made again must not bring it back.
            using (LockDocuments())
                RecordImages([key]);
        }
        finally
        {
            DiscardAll(leases, removed.Count);
        }
        DeleteUnnamed([image.Manifest, image.Config, .. indexes.SelectMany(i => i.Documents)]);
        return true;
    }

    private static ImageRecord GetImage(Session s, Digest manifest) =>
        Find(s, manifest) ?? throw StrataException.NotFound($"There is no image {manifest} in the store.");

    /// <summary>The sizes of an image's layers together.</summary>
    private static long RequireLayers(Session s, ChainId? top)
    {
        try
        {
            return top is { } chain ? Chain(s, chain).Sum(layer => layer.ContentBytes) : 0;
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
        {
            throw StrataException.Unavailable($"A layer of the image is not in the store; it may have been removed just now. Try again. {e.Message}", e);
        }
    }

    /// <summary>Who asks for a name with a digest relies on it: such a name is given to what has that digest, and to nothing else.</summary>
    private static void RequireOwnDigest(string name, Func<Digest> manifest, Func<Digest?> index)
    {
        if (name.IndexOf('@', StringComparison.Ordinal) is var at && at < 0)
            return;
        var (own, list) = (manifest(), index());
        string told = name[(at + 1)..];
        if (told != own.ToString() && told != list?.ToString())
            throw StrataException.InvalidArgument($"The name '{name}' has another digest than the image: {own} is its manifest's{(list is null ? "" : $", {list} its index's")}. Give it a name without a digest.");
    }

    private static Digest DigestOf(ReadOnlySpan<byte> document) => Digest.Sha256(SHA256.HashData(document));

    private static void SetName(Session s, string name, string manifest, string? idx) => s.Run(
        "INSERT INTO names (name, manifest, idx) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET manifest=excluded.manifest, idx=excluded.idx", name, manifest, idx);

    private static ImageRecord? Find(Session s, Digest manifest) =>
        s.ListWhole($"SELECT {Rows.ImageColumns} FROM images WHERE manifest=$1", Rows.Image, manifest.ToString()).Select(i => WithNames(s, i)).FirstOrDefault();

    private static ImageRecord WithNames(Session s, ImageRecord image) => image with
    {
        Names = s.List("SELECT name FROM names WHERE manifest=$1 ORDER BY name", r => r.GetString(0), image.Manifest.ToString()),
        Indexes = s.List("SELECT idx FROM index_images WHERE manifest=$1 ORDER BY idx", r => Digest.Parse(r.GetString(0)), image.Manifest.ToString()),
    };
}
