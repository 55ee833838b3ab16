using System.Security.Cryptography;
using Strata.Store;

namespace Strata.Oci;

/// <summary>An index of the store with its images, to be written.</summary>
/// <param name="Record">The index.</param>
/// <param name="Images">Those of its images that are in the store: all that it lists as images.</param>
internal sealed record SavedIndex(IndexRecord Record, IReadOnlyList<ImageRecord> Images)
{
    /// <summary>The indexes that images came by.</summary>
    /// <exception cref="StrataException">FailedPrecondition: one came by none. NotFound: of one index not all images are in the store.</exception>
    internal static IReadOnlyList<SavedIndex> Of(Store.Store store, IReadOnlyList<ImageRecord> images)
    {
        var found = new List<SavedIndex>();
        foreach (var image in images)
        {
            string shown = image.Names.Count > 0 ? image.Names[0] : image.Config.ToString();
            var index = image.Names.Select(store.FindIndex).FirstOrDefault(i => i is not null)
                ?? image.Indexes.Select(store.FindIndex).FirstOrDefault(i => i is not null)
                ?? throw StrataException.FailedPrecondition($"The image '{shown}' is for one platform alone: it did not come by an index. Leave out --all-platforms.");
            if (found.Any(f => f.Record.Digest == index.Digest))
                continue;
            var tree = IndexTree.Read(new StoreSource(store), [DescriptorOf(store, index.Digest)], CancellationToken.None);
            var missing = tree.Images.Where(i => store.FindImage(i.Digest) is null).ToArray();
            if (missing.Length > 0)
            {
                throw StrataException.NotFound(
                    $"Not all platforms of '{shown}' are in the store; missing: {string.Join(", ", missing.Select(m => m.Platform ?? m.Digest.ToString()))}. Load it again with --all-platforms, or save it without.");
            }
            found.Add(new SavedIndex(index, [.. tree.Images.Select(i => store.FindImage(i.Digest)!)]));
        }
        return found;
    }

    /// <summary>Writes the index and those inside it, pointing to what their images are now. What is no image and not in the store is left out.</summary>
    /// <returns>Its descriptor.</returns>
    internal Descriptor Write(Store.Store store, Func<Digest, Descriptor> imageNow, Action<Digest, byte[]> add) =>
        Write(store, Record.Digest, imageNow, add);

    private Descriptor Write(Store.Store store, Digest digest, Func<Digest, Descriptor> imageNow, Action<Digest, byte[]> add)
    {
        byte[] original = store.ReadBlob(digest);
        byte[] now = ManifestRewriter.WithEntries(original, entry =>
            Record.Documents.Contains(entry.Digest) ? Same(entry, Write(store, entry.Digest, imageNow, add))
            : Images.Any(i => i.Manifest == entry.Digest) ? Same(entry, imageNow(entry.Digest))
            : null);
        var written = Digest.Sha256(SHA256.HashData(now));
        add(written, now);
        return new Descriptor(now == original ? ImageIndex.TypeOf(original) : MediaTypes.Index, written, now.Length);
    }

    /// <summary>The entry itself where it points to the same bytes.</summary>
    private static Descriptor Same(Descriptor entry, Descriptor now) => entry.Digest == now.Digest ? entry : now;

    private static Descriptor DescriptorOf(Store.Store store, Digest digest) => new(MediaTypes.Index, digest, store.ReadBlob(digest).Length);

    /// <summary>Documents of the store; layers are not asked for here.</summary>
    private sealed class StoreSource(Store.Store store) : IImageSource
    {
        public string Shown => "the store";

        public byte[] ReadDocument(Descriptor descriptor, CancellationToken cancellationToken) => store.ReadBlob(descriptor.Digest);

        public long? FindSize(Descriptor descriptor) => null;

        public Stream Open(Descriptor descriptor, CancellationToken cancellationToken) => throw StrataException.NotFound($"The store keeps no blob {descriptor.Digest}.");

        public void Dispose()
        {
        }
    }
}
