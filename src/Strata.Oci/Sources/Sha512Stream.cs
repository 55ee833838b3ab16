using System.Security.Cryptography;

namespace Strata.Oci;

/// <summary>Passes a blob on whose digest is a SHA-512, and refuses its end if it was another one. (SHA-256 is compared by whoever unpacks.)</summary>
internal sealed class Sha512Stream(Stream inner, Digest expected) : ReadOnlyStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);

    public override int Read(Span<byte> buffer)
    {
        int read = inner.Read(buffer);
        _hash.AppendData(buffer[..read]);
        if (read == 0 && buffer.Length > 0 && Convert.ToHexStringLower(_hash.GetCurrentHash()) != expected.Hex)
            throw StrataException.Corrupt($"The blob {expected} is damaged: its bytes have another digest. Get the image again.");
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
