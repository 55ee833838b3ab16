namespace Strata.Oci;

/// <summary>The blobs of an OCI layout (image-spec, image-layout.md).</summary>
/// <param name="files">The layout's files; not owned.</param>
internal sealed class LayoutSource(IImageFiles files) : IImageSource
{
    public string Shown => files.Shown;

    public byte[] ReadDocument(Descriptor descriptor, CancellationToken cancellationToken) => files.ReadDocument(BlobName(descriptor.Digest));

    public long? FindSize(Descriptor descriptor) => files.FindSize(BlobName(descriptor.Digest));

    public Stream Open(Descriptor descriptor, CancellationToken cancellationToken) => files.Open(BlobName(descriptor.Digest));

    public string? OriginOf(Descriptor descriptor) => files.OriginOf(BlobName(descriptor.Digest));

    public void Dispose()
    {
    }

    internal static string BlobName(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";
}
