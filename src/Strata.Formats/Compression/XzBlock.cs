using System.Buffers.Binary;
using System.IO.Hashing;
using SharpCompress.Compressors.LZMA;

namespace Strata.Formats.Compression;

/// <summary>One block of an xz stream: its header, its LZMA2 data, padding and check (xz file format 1.2, section 3).</summary>
internal sealed class XzBlock : IDisposable
{
    /// <summary>The largest dictionary that a block may ask for: 128 MiB, twice what <c>xz -9</c> takes.</summary>
    internal const long MaxDictionaryBytes = 128L << 20;

    private const int Lzma2Filter = 0x21;
    private readonly InputBuffer _input;
    private readonly XzCheck _check;
    private readonly LzmaStream _decoder;
    private readonly int _headerBytes;
    private readonly long _dataOffset;
    private readonly long _declaredCompressed = -1;
    private readonly long _declaredProduced = -1;

    /// <summary>Reads the header.</summary>
    internal XzBlock(InputBuffer input, XzCheck check)
    {
        _input = input;
        _check = check;
        _headerBytes = (input.Peek(1)[0] + 1) * 4;
        var header = input.Peek(_headerBytes);
        if (header.Length < _headerBytes)
            throw Truncated(input, "a block's header");
        header = header[.._headerBytes];
        if (Crc32.HashToUInt32(header[..^4]) != BinaryPrimitives.ReadUInt32LittleEndian(header[^4..]))
            throw Damaged(input, "a block's header has a wrong checksum");
        int flags = header[1];
        if ((flags & 0x3C) != 0)
            throw StrataException.NotSupported("The xz data is of a later version of the format than is known here.");
        var rest = header[2..^4];
        if ((flags & 0x40) != 0)
            _declaredCompressed = TakeNumber(ref rest);
        if ((flags & 0x80) != 0)
            _declaredProduced = TakeNumber(ref rest);
        byte dictionary = ReadFilters(rest, (flags & 3) + 1);
        input.Take(_headerBytes);
        _dataOffset = input.TakenBytes;
        _decoder = LzmaStream.Create([dictionary], new BlockFeed(input), inputSize: -1, outputSize: -1, presetDictionary: null, isLzma2: true, leaveOpen: true);
    }

    /// <summary>Header, compressed data and check: what the index tells of a block. Known at its end.</summary>
    internal long UnpaddedBytes { get; private set; }

    /// <summary>How many bytes came out.</summary>
    internal long ProducedBytes { get; private set; }

    /// <summary>The next decompressed bytes; 0 at the end, after the check was verified.</summary>
    internal int Read(Span<byte> buffer)
    {
        int read = _decoder.Read(buffer);
        if (read > 0)
        {
            _check.Append(buffer[..read]);
            ProducedBytes += read;
            return read;
        }
        long compressed = _input.TakenBytes - _dataOffset;
        if (_declaredCompressed >= 0 && _declaredCompressed != compressed)
            throw Damaged(_input, "a block has another compressed size than its header tells");
        if (_declaredProduced >= 0 && _declaredProduced != ProducedBytes)
            throw Damaged(_input, "a block has another size than its header tells");
        int padding = (int)(-compressed & 3);
        int end = padding + _check.SizeBytes;
        var bytes = _input.Peek(end);
        if (bytes.Length < end)
            throw Truncated(_input, "a block's check");
        if (bytes[..padding].IndexOfAnyExcept((byte)0) >= 0)
            throw Damaged(_input, "a block's padding is not zero");
        if (!_check.Matches(bytes[padding..end]))
            throw Damaged(_input, "a block has a wrong checksum");
        _input.Take(end);
        UnpaddedBytes = _headerBytes + compressed + _check.SizeBytes;
        return 0;
    }

    public void Dispose() => _decoder.Dispose();

    internal static StrataException Truncated(InputBuffer input, string where) =>
        StrataException.Corrupt($"The xz data is truncated: it ends inside {where}, at or behind compressed offset {input.TakenBytes}.");

    internal static StrataException Damaged(InputBuffer input, string what) =>
        StrataException.Corrupt($"The xz data is damaged: {what}, near compressed offset {input.TakenBytes}.");

    /// <summary>The size of the dictionary, as the filter's property byte tells it.</summary>
    private byte ReadFilters(ReadOnlySpan<byte> rest, int count)
    {
        long filter = TakeNumber(ref rest);
        if (count != 1 || filter != Lzma2Filter)
            throw StrataException.NotSupported($"The xz data uses filters other than LZMA2 (the first of {count} is {filter:x}); compress it again without them.");
        if (TakeNumber(ref rest) != 1 || rest.IsEmpty || rest[0] > 40)
            throw Damaged(_input, "a block's header tells no size of the dictionary");
        byte property = rest[0];
        if (rest[1..].IndexOfAnyExcept((byte)0) >= 0)
            throw Damaged(_input, "a block's header has something behind its filters");
        long bytes = property == 40 ? uint.MaxValue : (2L | (property & 1)) << ((property / 2) + 11);
        if (bytes > MaxDictionaryBytes)
            throw StrataException.Exhausted($"The xz data wants a dictionary of {bytes >> 20} MiB, more than {MaxDictionaryBytes >> 20} MiB; compress it again with -9 or less.");
        return property;
    }

    private long TakeNumber(ref ReadOnlySpan<byte> rest)
    {
        long value = 0;
        for (int i = 0; i < 9 && i < rest.Length; i++)
        {
            value |= (long)(rest[i] & 0x7F) << (7 * i);
            if ((rest[i] & 0x80) == 0)
            {
                if (rest[i] == 0 && i > 0)
                    break; // not the shortest form
                rest = rest[(i + 1)..];
                return value;
            }
        }
        throw Damaged(_input, "a block's header has a broken number");
    }

    /// <summary>What the decoder reads from: the end of the input inside a block is an error. (The decoder itself would read 0xFF for ever.)</summary>
    private sealed class BlockFeed(InputBuffer input) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            int read = input.Read(buffer);
            return read > 0 || buffer.IsEmpty ? read : throw Truncated(input, "a block");
        }

        public override int ReadByte()
        {
            int value = input.ReadByte();
            return value >= 0 ? value : throw Truncated(input, "a block");
        }
    }
}
