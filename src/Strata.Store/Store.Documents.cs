using System.Security.Cryptography;
using Strata.Trees;

namespace Strata.Store;

/// <content>Documents of images: manifests, configs and indexes, by their digests.</content>
public sealed partial class Store
{
    /// <summary>A document that an image or an index was added with.</summary>
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

    /// <summary>Nobody removes a document between our finding it and our naming it.</summary>
    private ProcessLock LockDocuments() => ProcessLock.Acquire(Path.Combine(_layout.Locks, "documents"));

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

    /// <summary>Deletes those of the documents that nothing names any more.</summary>
    private void DeleteUnnamed(IEnumerable<Digest> documents)
    {
        using var locked = LockDocuments();
        foreach (var document in documents.Distinct())
        {
            bool named = _database.Read(s => s.UserOf(Roots.Documents, document.ToString())) is not null;
            if (!named)
                File.Delete(BlobPath(document));
        }
    }
}
