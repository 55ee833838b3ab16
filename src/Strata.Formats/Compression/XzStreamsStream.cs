using System.Buffers.Binary;
using System.IO.Hashing;

namespace Strata.Formats.Compression;

/// <summary>xz (file format 1.2), strictly: streams one after the other with stream padding between them, and nothing else.</summary>
/// <remarks>
/// Headers, checks, index and footer are read and verified here; the library decodes just the LZMA2 inside the blocks. Of the filters only LZMA2
/// is known: layers are no executables, and those for machine code don't occur in them.
/// Source: xz's doc/xz-file-format.txt.
/// </remarks>
internal sealed class XzStreamsStream(InputBuffer input) : ReadOnlyStream
{
    private const int HeaderBytes = 12;
    private readonly XzIndexHash _index = new();
    private XzCheck? _check;
    private XzBlock? _block;
    private ushort _flags;
    private bool _ended;

    private static ReadOnlySpan<byte> Magic => [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        while (!_ended)
        {
            if (_check is null)
            {
                BeginStream();
                continue;
            }
            if (_block is null)
            {
                if (Need(1, "a stream")[0] == 0)
                    EndStream();
                else
                    _block = new XzBlock(input, _check);
                continue;
            }
            int read = _block.Read(buffer);
            if (read > 0)
                return read;
            _index.AddBlock(_block.UnpaddedBytes, _block.ProducedBytes);
            _block.Dispose();
            _block = null;
        }
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _block?.Dispose();
            _check?.Dispose();
            _index.Dispose();
        }
        base.Dispose(disposing);
    }

    private void BeginStream()
    {
        long offset = input.TakenBytes;
        if (offset > 0 && !SkipPadding())
        {
            _ended = true;
            return;
        }
        var head = Need(HeaderBytes, "a stream's header");
        if (!head.StartsWith(Magic))
            throw StrataException.Corrupt($"After the last xz stream something follows that is none, at compressed offset {input.TakenBytes}.");
        if (Crc32.HashToUInt32(head[6..8]) != BinaryPrimitives.ReadUInt32LittleEndian(head[8..]))
            throw Damaged("a stream's header has a wrong checksum");
        if (head[6] != 0 || (head[7] & 0xF0) != 0)
            throw StrataException.NotSupported("The xz data is of a later version of the format than is known here.");
        _flags = BinaryPrimitives.ReadUInt16LittleEndian(head[6..]);
        _check = new XzCheck(head[7] & 0xF);
        _index.Begin();
        input.Take(HeaderBytes);
    }

    /// <summary>Stream padding: zeros in fours. False at the end of the input.</summary>
    private bool SkipPadding()
    {
        while (true)
        {
            var bytes = input.Peek(4);
            if (bytes.IsEmpty)
                return false;
            if (bytes[0] != 0)
                return true;
            if (bytes.Length < 4 || bytes[..4].IndexOfAnyExcept((byte)0) >= 0)
                throw StrataException.Corrupt($"After the last xz stream something follows that is neither a stream nor whole padding, at compressed offset {input.TakenBytes}.");
            input.Take(4);
        }
    }

    private void EndStream()
    {
        long indexBytes = _index.ReadAndVerify(input);
        var footer = Need(HeaderBytes, "a stream's footer");
        if (footer[10] != 'Y' || footer[11] != 'Z' || Crc32.HashToUInt32(footer[4..10]) != BinaryPrimitives.ReadUInt32LittleEndian(footer))
            throw Damaged("a stream's footer is broken");
        if (BinaryPrimitives.ReadUInt16LittleEndian(footer[8..]) != _flags)
            throw Damaged("a stream's footer tells other flags than its header");
        if (((long)BinaryPrimitives.ReadUInt32LittleEndian(footer[4..]) + 1) * 4 != indexBytes)
            throw Damaged("a stream's footer tells another size of the index");
        input.Take(HeaderBytes);
        _check!.Dispose();
        _check = null;
    }

    private ReadOnlySpan<byte> Need(int count, string where)
    {
        var bytes = input.Peek(count);
        return bytes.Length >= count ? bytes : throw XzBlock.Truncated(input, where);
    }

    private StrataException Damaged(string what) => XzBlock.Damaged(input, what);
}
