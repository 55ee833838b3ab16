using System.Security.Cryptography;
using System.Text;
using Strata.Store;

namespace Strata.Oci.Registries;

/// <summary>Sends images to registries.</summary>
/// <remarks>
/// Blobs that the repository has are not sent; those that another repository of the registry has are mounted. Where that covers all layers, the
/// image keeps its manifest. The others' tars, which the store gives back byte for byte, are compressed while they are sent, and a new manifest
/// names the new blobs: compressed blobs are not kept in the store. The config, and with it the image's ID, is the same in both cases.
/// </remarks>
/// <param name="store">Where they are.</param>
/// <param name="options">How registries are spoken to.</param>
public sealed class ImagePusher(Store.Store store, RegistryOptions? options = null)
{
    private readonly RegistryOptions _options = options ?? new RegistryOptions();

    /// <summary>Pushes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="destination">Where to: <c>HOST[:PORT]/REPOSITORY[:TAG]</c>.</param>
    /// <param name="push">How, and who is told of progress.</param>
    /// <param name="cancellationToken">Ends it early; blobs that were sent stay there, and are not sent again.</param>
    /// <exception cref="StrataException">
    /// PermissionDenied: the registry wants other credentials. Unavailable: it does not answer. FailedPrecondition: its certificate is not trusted.
    /// Corrupt: a layer's files were changed behind the store's back. InvalidArgument: the destination is no name, or has another digest.
    /// </exception>
    public async Task<PushResult> PushAsync(ImageRecord image, string destination, PushOptions? push = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        push ??= new PushOptions();
        var config = RegistryConfig.Load(_options);
        var reference = RegistryReference.Parse(destination, config.Default);
        using var client = new RegistryClient(RegistryEndpoint.Of(reference.Host, config, _options, mirrors: false)[0], reference.Repository, config, _options);
        var pusher = new LayerPusher(store, client, reference, push);
        var there = await PushImageAsync(client, pusher, image, "", cancellationToken).ConfigureAwait(false);
        await FinishAsync(client, reference, there.Bytes, there.Descriptor, cancellationToken).ConfigureAwait(false);
        return ResultOf(reference, there.Descriptor.Digest, there.Descriptor.Digest == image.Manifest, pusher);
    }

    /// <summary>Pushes the index that an image came by, with all its images: the same for several platforms.</summary>
    /// <remarks>Each image is stored there by its digest before the index that names it. What the index lists and is no image is left out where the store does not have it.</remarks>
    /// <param name="image">One of the images.</param>
    /// <param name="destination">Where to: <c>HOST[:PORT]/REPOSITORY[:TAG]</c>.</param>
    /// <param name="push">How, and who is told of progress.</param>
    /// <param name="cancellationToken">Ends it early; what was sent stays there, and is not sent again.</param>
    /// <exception cref="StrataException">As of <see cref="PushAsync"/>. FailedPrecondition: it did not come by an index. NotFound: not all platforms are in the store.</exception>
    public async Task<PushResult> PushAllPlatformsAsync(ImageRecord image, string destination, PushOptions? push = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        push ??= new PushOptions();
        var config = RegistryConfig.Load(_options);
        var reference = RegistryReference.Parse(destination, config.Default);
        var index = SavedIndex.Of(store, [image])[0];
        using var client = new RegistryClient(RegistryEndpoint.Of(reference.Host, config, _options, mirrors: false)[0], reference.Repository, config, _options);
        var pusher = new LayerPusher(store, client, reference, push);
        var there = new Dictionary<Digest, Descriptor>();
        foreach (var one in index.Images)
        {
            var (bytes, descriptor) = await PushImageAsync(client, pusher, one, $"{one.Platform ?? "image"} ", cancellationToken).ConfigureAwait(false);
            await client.PutManifestAsync(descriptor.Digest.ToString(), bytes, descriptor, cancellationToken).ConfigureAwait(false);
            there[one.Manifest] = descriptor;
        }
        var documents = new List<byte[]>(); // each after those inside it
        var top = index.Write(store, manifest => there[manifest], (_, bytes) => documents.Add(bytes));
        foreach (byte[] inner in documents.SkipLast(1))
        {
            var digest = Digest.Sha256(SHA256.HashData(inner));
            await client.PutManifestAsync(digest.ToString(), inner, new Descriptor(ImageIndex.TypeOf(inner), digest, inner.Length), cancellationToken).ConfigureAwait(false);
        }
        await FinishAsync(client, reference, documents[^1], top, cancellationToken).ConfigureAwait(false);
        return ResultOf(reference, top.Digest, top.Digest == index.Record.Digest, pusher);
    }

    /// <summary>Brings an image's layers and config there.</summary>
    /// <returns>The manifest that names them there; it is not stored yet.</returns>
    private async Task<(byte[] Bytes, Descriptor Descriptor)> PushImageAsync(RegistryClient client, LayerPusher pusher, ImageRecord image, string step, CancellationToken cancellationToken)
    {
        byte[] manifestBytes = store.ReadBlob(image.Manifest);
        byte[] configBytes = store.ReadBlob(image.Config);
        var manifest = Manifest.Parse(manifestBytes, $"manifest {image.Manifest}");
        LayerRecord[] layers = image.TopLayer is { } top ? [.. store.GetChain(top).Reverse()] : [];
        if (layers.Length != manifest.Layers.Count)
            throw StrataException.Corrupt($"The image {image.Config} has {layers.Length} layers in the store, and {manifest.Layers.Count} in its manifest. Load it again.");
        var pushed = new Descriptor[layers.Length];
        // A layer that occurs twice is sent once.
        var distinct = Enumerable.Range(0, layers.Length).GroupBy(i => (layers[i].DiffId, manifest.Layers[i].Digest)).ToArray();
        await Parallel.ForEachAsync(
            distinct,
            new ParallelOptions { MaxDegreeOfParallelism = _options.Parallel, CancellationToken = cancellationToken },
            async (same, cancellation) =>
            {
                int first = same.First();
                var blob = await pusher.PushAsync(layers[first], manifest.Layers[first], $"{step}layer {first + 1}/{layers.Length}", cancellation).ConfigureAwait(false);
                foreach (int i in same)
                    pushed[i] = blob.Digest == manifest.Layers[i].Digest ? manifest.Layers[i] : blob with { Annotations = manifest.Layers[i].Annotations };
            }).ConfigureAwait(false);
        if (await client.FindBlobAsync(image.Config, cancellationToken).ConfigureAwait(false) is null)
            await client.UploadAsync(image.Config, configBytes, cancellationToken).ConfigureAwait(false);
        if (pushed.Zip(manifest.Layers).All(p => p.First.Digest == p.Second.Digest))
            return (manifestBytes, new Descriptor(manifest.MediaType, image.Manifest, manifestBytes.Length));
        manifestBytes = Encoding.UTF8.GetBytes(ManifestWriter.Manifest(manifest.Config with { MediaType = MediaTypes.Config }, pushed.Select(OciType)));
        return (manifestBytes, new Descriptor(MediaTypes.Manifest, Digest.Sha256(SHA256.HashData(manifestBytes)), manifestBytes.Length));
    }

    /// <summary>Stores the document by which the destination names all of it.</summary>
    private static async Task FinishAsync(RegistryClient client, RegistryReference reference, byte[] bytes, Descriptor descriptor, CancellationToken cancellationToken)
    {
        if (reference.Digest is { } wanted && wanted != descriptor.Digest)
            throw StrataException.InvalidArgument($"The image would have the digest {descriptor.Digest} there, not {wanted}. Push it by a tag.");
        await client.PutManifestAsync(reference.Tag ?? descriptor.Digest.ToString(), bytes, descriptor, cancellationToken).ConfigureAwait(false);
    }

    private static PushResult ResultOf(RegistryReference reference, Digest digest, bool kept, LayerPusher pusher) =>
        new(reference, digest, kept, pusher.Present, pusher.Mounted, pusher.Sent, pusher.SentBytes);

    /// <summary>A manifest of OCI's kind names layers of OCI's kinds; the bytes are the same.</summary>
    private static Descriptor OciType(Descriptor layer) => layer with
    {
        MediaType = MediaTypes.LayerType(layer.MediaType, layer.MediaType.EndsWith("gzip", StringComparison.Ordinal) ? "+gzip" : layer.MediaType.EndsWith("zstd", StringComparison.Ordinal) ? "+zstd" : ""),
    };
}
