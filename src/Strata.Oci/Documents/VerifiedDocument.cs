using System.Security.Cryptography;

namespace Strata.Oci;

/// <summary>Documents are believed when they match the descriptor that led to them.</summary>
internal static class VerifiedDocument
{
    /// <summary>Reads a document and compares it with its descriptor.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="descriptor">Its size and digest.</param>
    /// <param name="what">What it is, for errors.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal static byte[] Read(IImageSource source, Descriptor descriptor, string what, CancellationToken cancellationToken)
    {
        if (descriptor.SizeBytes > JsonDocuments.MaxBytes)
            throw StrataException.Exhausted($"The {what} {descriptor.Digest} of {source.Shown} is told to have {descriptor.SizeBytes} bytes; it may have {JsonDocuments.MaxBytes}.");
        byte[] bytes = source.ReadDocument(descriptor, cancellationToken);
        if (bytes.Length != descriptor.SizeBytes || DigestOf(bytes, descriptor.Digest.Algorithm) != descriptor.Digest)
            throw StrataException.Corrupt($"The {what} of {source.Shown} is damaged: it does not match {descriptor.Digest} and {descriptor.SizeBytes} bytes.");
        return bytes;
    }

    private static Digest DigestOf(byte[] bytes, string algorithm) => algorithm == "sha512"
        ? Digest.Parse("sha512:" + Convert.ToHexStringLower(SHA512.HashData(bytes)))
        : Digest.Sha256(SHA256.HashData(bytes));
}
