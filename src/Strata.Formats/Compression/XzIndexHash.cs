using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace Strata.Formats.Compression;

/// <summary>The index of an xz stream (file format 1.2, section 4), compared with the blocks that were read.</summary>
/// <remarks>A stream may have any number of blocks: their sizes are hashed on both sides, not kept.</remarks>
internal sealed class XzIndexHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Crc32 _crc = new();
    private long _blocks;
    private long _indexBytes;

    /// <summary>A stream begins.</summary>
    internal void Begin()
    {
        _hash.TryGetHashAndReset(stackalloc byte[32], out _);
        _blocks = 0;
    }

    /// <summary>A block was read to its end.</summary>
    internal void AddBlock(long unpaddedBytes, long producedBytes)
    {
        _blocks++;
        AddSizes(unpaddedBytes, producedBytes);
    }

    /// <summary>Reads the index, which must begin here.</summary>
    /// <returns>Its size.</returns>
    /// <exception cref="StrataException">Corrupt: it is broken, or tells of other blocks.</exception>
    internal long ReadAndVerify(InputBuffer input)
    {
        _crc.Reset();
        _indexBytes = 0;
        Span<byte> expected = stackalloc byte[32];
        Span<byte> told = stackalloc byte[32];
        _hash.TryGetHashAndReset(expected, out _);
        TakeByte(input); // the zero that tells an index from a block
        if (TakeNumber(input) != _blocks)
            throw XzBlock.Damaged(input, "the index has another number of blocks than the stream");
        for (long i = 0; i < _blocks; i++)
        {
            long unpadded = TakeNumber(input);
            AddSizes(unpadded, TakeNumber(input));
        }
        _hash.TryGetHashAndReset(told, out _);
        if (!told.SequenceEqual(expected))
            throw XzBlock.Damaged(input, "the index tells other sizes than the blocks have");
        while ((_indexBytes & 3) != 0)
        {
            if (TakeByte(input) != 0)
                throw XzBlock.Damaged(input, "the padding of the index is not zero");
        }
        var crc = input.Peek(4);
        if (crc.Length < 4)
            throw XzBlock.Truncated(input, "the index");
        if (BinaryPrimitives.ReadUInt32LittleEndian(crc) != _crc.GetCurrentHashAsUInt32())
            throw XzBlock.Damaged(input, "the index has a wrong checksum");
        input.Take(4);
        return _indexBytes + 4;
    }

    public void Dispose() => _hash.Dispose();

    private void AddSizes(long unpaddedBytes, long producedBytes)
    {
        Span<byte> sizes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(sizes, unpaddedBytes);
        BinaryPrimitives.WriteInt64LittleEndian(sizes[8..], producedBytes);
        _hash.AppendData(sizes);
    }

    private byte TakeByte(InputBuffer input)
    {
        var bytes = input.Peek(1);
        if (bytes.IsEmpty)
            throw XzBlock.Truncated(input, "the index");
        byte value = bytes[0];
        _crc.Append(bytes[..1]);
        input.Take(1);
        _indexBytes++;
        return value;
    }

    private long TakeNumber(InputBuffer input)
    {
        long value = 0;
        for (int i = 0; i < 9; i++)
        {
            byte b = TakeByte(input);
            value |= (long)(b & 0x7F) << (7 * i);
            if ((b & 0x80) == 0)
                return b == 0 && i > 0 ? throw XzBlock.Damaged(input, "the index has a broken number") : value;
        }
        throw XzBlock.Damaged(input, "the index has a broken number");
    }
}
