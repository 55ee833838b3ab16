using Strata.Store;

namespace Strata.Oci.Registries;

/// <summary>An image in a registry: documents by their digests, layers fetched several at once while they are unpacked.</summary>
internal sealed class RegistrySource : IImageSource
{
    private readonly RegistryClient _client;
    private readonly BlobDownloads _downloads;
    private readonly RegistryReference _reference;
    private readonly byte[] _root;

    private RegistrySource(
        RegistryClient client, RegistryReference reference, byte[] root, Descriptor rootDescriptor, Func<FileStream> openSpill, Func<Descriptor, PartialBlob?> openPartial, CancellationToken cancellationToken)
    {
        _client = client;
        _reference = reference;
        _root = root;
        Root = rootDescriptor;
        _downloads = new BlobDownloads(client, openSpill, openPartial, cancellationToken);
    }

    /// <summary>The manifest or index that the reference means.</summary>
    internal Descriptor Root { get; }

    public string Shown => _client.Shown;

    /// <summary>Asks for the image's manifest or index.</summary>
    /// <param name="client">Owned by what is returned; not disposed if this throws.</param>
    /// <param name="reference">The image.</param>
    /// <param name="openSpill">Opens a temporary file that is gone when it is closed.</param>
    /// <param name="openPartial">Opens what was fetched of a blob before, or null.</param>
    /// <param name="cancellationToken">Ends it and all downloads.</param>
    internal static async Task<RegistrySource> OpenAsync(
        RegistryClient client, RegistryReference reference, Func<FileStream> openSpill, Func<Descriptor, PartialBlob?> openPartial, CancellationToken cancellationToken)
    {
        var (bytes, descriptor) = await client.GetManifestAsync(reference.Wanted, cancellationToken).ConfigureAwait(false);
        return new RegistrySource(client, reference, bytes, descriptor, openSpill, openPartial, cancellationToken);
    }

    /// <summary>True: some of it came out of what an earlier pull had fetched.</summary>
    internal bool HasResumed => _downloads.HasResumed;

    /// <summary>What was fetched is used, or no use.</summary>
    internal void RemovePartials() => _downloads.RemovePartials();

    public byte[] ReadDocument(Descriptor descriptor, CancellationToken cancellationToken)
    {
        if (descriptor.Digest == Root.Digest)
            return _root;
        bool isManifest = MediaTypes.IsManifest(descriptor.MediaType) || MediaTypes.IsIndex(descriptor.MediaType);
        // The seam: loading reads documents of any source with its thread, which here waits for the network.
        return Task.Run(async () => isManifest
            ? (await _client.GetManifestAsync(descriptor.Digest.ToString(), cancellationToken).ConfigureAwait(false)).Bytes
            : await _client.GetBlobAsync(descriptor.Digest, cancellationToken).ConfigureAwait(false), cancellationToken).GetAwaiter().GetResult();
    }

    public long? FindSize(Descriptor descriptor) => descriptor.SizeBytes;

    public Stream Open(Descriptor descriptor, CancellationToken cancellationToken) => _downloads.Open(descriptor);

    public void Announce(Descriptor descriptor) => _downloads.Announce(descriptor);

    public string? OriginOf(Descriptor descriptor) => OriginPlace.InRegistry(_reference.Host, _reference.Repository, descriptor.Digest);

    public void Dispose()
    {
        _downloads.Dispose();
        _client.Dispose();
    }
}
