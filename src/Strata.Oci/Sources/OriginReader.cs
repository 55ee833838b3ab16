using Strata.Formats.Compression;
using Strata.Oci.Registries;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Opens a layer's blob again where it came from: one that is damaged is healed with it, alone.</summary>
/// <param name="store">Whose layers they are; knows where they came from, and lends temporary files.</param>
/// <param name="options">How registries are spoken to.</param>
public sealed class OriginReader(Store.Store store, RegistryOptions? options = null)
{
    private readonly RegistryOptions _options = options ?? new RegistryOptions();

    /// <summary>Where a layer's blob may be had, the likeliest first: where it came from, then where images that hold it are named to be.</summary>
    public IReadOnlyList<LayerOrigin> Find(LayerRecord layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        var places = store.ListOrigins(layer.DiffId).ToList();
        foreach (var image in store.ListImages().Where(i => i.Names.Count > 0 && i.TopLayer is not null))
        {
            if (BlobIn(image, layer) is not { } blob)
                continue;
            foreach (string name in image.Names)
            {
                if (TryParse(name) is { } reference && OriginPlace.InRegistry(reference.Host, reference.Repository, blob.Digest) is var place && places.TrueForAll(p => p.Place != place))
                    places.Add(new LayerOrigin(place, blob.Digest, blob.SizeBytes, image.Created));
            }
        }
        return places;
    }

    /// <summary>Opens a blob at a place. It is read forward; reading its end throws if it is not the blob that the origin names.</summary>
    /// <param name="origin">One of <see cref="Find"/>, or of the store's.</param>
    /// <param name="cancellationToken">Ends the reading early, too.</param>
    /// <returns>The blob, compressed as it is there. The caller disposes it, which ends the connection.</returns>
    /// <exception cref="StrataException">NotFound: it is there no more. Unavailable, PermissionDenied: the registry. NotSupported: no such place is known.</exception>
    public Stream Open(LayerOrigin origin, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(origin);
        var blob = new Descriptor(MediaTypes.LayerTar, origin.Blob, origin.BlobBytes);
        if (OriginPlace.TryParseRegistry(origin.Place, out var repository))
        {
            var config = RegistryConfig.Load(_options);
            // The registry itself: a mirror may have given what is damaged.
            var client = new RegistryClient(RegistryEndpoint.Of(repository.Host, config, _options, mirrors: false)[0], repository.Repository, config, _options);
            var downloads = new BlobDownloads(client, store.OpenTemporary, null, cancellationToken);
            return new Verifying(downloads.Open(blob), blob, origin.Place, downloads, client);
        }
        if (OriginPlace.TryParseFile(origin.Place, out var file))
        {
            var files = ImageLoader.OpenFiles(file.Path);
            try
            {
                return new Verifying(files.Open(file.Name), blob, origin.Place, files);
            }
            catch
            {
                files.Dispose();
                throw;
            }
        }
        throw StrataException.NotSupported($"A layer's origin '{origin.Place}' is of a kind that this program can't read.");
    }

    private static RegistryReference? TryParse(string name)
    {
        try
        {
            return RegistryReference.Parse(name);
        }
        catch (StrataException)
        {
            return null; // a name of this store alone
        }
    }

    private Descriptor? BlobIn(ImageRecord image, LayerRecord layer)
    {
        try
        {
            var config = ImageConfig.Parse(store.ReadBlob(image.Config), "config");
            int index = config.DiffIds.ToList().IndexOf(layer.DiffId);
            return index < 0 ? null : Manifest.Parse(store.ReadBlob(image.Manifest), "manifest").Layers[index];
        }
        catch (Exception e) when (e is StrataException or ArgumentOutOfRangeException)
        {
            return null; // the image's own documents are damaged: it tells nothing of its layers
        }
    }

    /// <summary>Verifies size and digest where the end is read.</summary>
    private sealed class Verifying(Stream inner, Descriptor blob, string place, params IDisposable[] owned) : ReadOnlyStream
    {
        private readonly HashingStream _hashing = new(inner);

        public override int Read(Span<byte> buffer)
        {
            int read = _hashing.Read(buffer);
            if (read == 0 && !buffer.IsEmpty && (_hashing.Digest != blob.Digest || _hashing.CountBytes != blob.SizeBytes))
                throw StrataException.Corrupt($"What is at {place} is not the blob {blob.Digest} of {blob.SizeBytes} bytes any more: it is {_hashing.Digest}.");
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _hashing.Dispose();
                foreach (var one in owned)
                    one.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
