using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace Strata.Formats.Compression;

/// <summary>The check that ends each block of an xz stream (xz file format 1.2, section 3.4).</summary>
internal sealed class XzCheck : IDisposable
{
    private const int None = 0, Crc32Id = 1, Crc64Id = 4, Sha256Id = 10;
    private readonly int _id;
    private readonly Crc32? _crc32;
    private readonly IncrementalHash? _sha256;
    private XzCrc64 _crc64 = XzCrc64.Create();

    /// <param name="id">The number in the stream's flags.</param>
    internal XzCheck(int id)
    {
        _id = id;
        switch (id)
        {
            case None or Crc64Id:
                break;
            case Crc32Id:
                _crc32 = new Crc32();
                break;
            case Sha256Id:
                _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                break;
            default:
                throw StrataException.NotSupported($"The xz data uses the check number {id}, which nobody has defined; compress it again with --check=crc64.");
        }
    }

    /// <summary>How many bytes it takes.</summary>
    internal int SizeBytes => _id switch
    {
        None => 0,
        Crc32Id => 4,
        Crc64Id => 8,
        _ => 32,
    };

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        _crc32?.Append(bytes);
        _sha256?.AppendData(bytes);
        if (_id == Crc64Id)
            _crc64.Append(bytes);
    }

    /// <summary>True if the stored check is that of what was appended; starts anew.</summary>
    internal bool Matches(ReadOnlySpan<byte> stored)
    {
        Span<byte> actual = stackalloc byte[32];
        actual = actual[..SizeBytes];
        _crc32?.GetHashAndReset(actual);
        _sha256?.GetHashAndReset(actual);
        if (_id == Crc64Id)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(actual, _crc64.Value);
            _crc64 = XzCrc64.Create();
        }
        return actual.SequenceEqual(stored);
    }

    public void Dispose() => _sha256?.Dispose();
}
