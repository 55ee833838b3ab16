using SharpCompress.Compressors.BZip2;

namespace Strata.Formats.Compression;

/// <summary>bzip2 streams one after the other, as pbzip2 writes them. Nothing else may follow.</summary>
/// <remarks>
/// The library's own handling of several streams takes a broken header for the end, so it decodes one at a time here. It reads byte by byte
/// and no further than the stream goes, and verifies the checksums of blocks and streams.
/// </remarks>
internal sealed class Bzip2StreamsStream(InputBuffer input) : ReadOnlyStream
{
    private const int HeaderBytes = 4;
    private BZip2Stream? _stream;
    private long _streamOffset;
    private bool _ended;

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        while (!_ended)
        {
            if (_stream is null && !BeginStream())
                break;
            int read = _stream!.Read(buffer);
            if (read > 0)
                return read;
            _stream = null;
        }
        return 0;
    }

    private bool BeginStream()
    {
        _streamOffset = input.TakenBytes;
        var head = input.Peek(HeaderBytes);
        if (head.IsEmpty && _streamOffset > 0)
        {
            _ended = true;
            return false;
        }
        if (head.Length < HeaderBytes || !head.StartsWith("BZh"u8) || head[3] is < (byte)'1' or > (byte)'9')
        {
            throw StrataException.Corrupt(_streamOffset == 0
                ? "The bzip2 data does not begin with a whole bzip2 header."
                : $"After the last bzip2 stream something follows that is none, at compressed offset {_streamOffset}.");
        }
        // The decoder disposes what it reads from at its end, hence the wrapping.
        _stream = BZip2Stream.Create(new StreamFeed(input), SharpCompress.Compressors.CompressionMode.Decompress, decompressConcatenated: false);
        return true;
    }

    /// <summary>What the decoder reads from: the end of the input inside a stream is an error.</summary>
    private sealed class StreamFeed(InputBuffer input) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer) => input.Read(buffer);

        public override int ReadByte()
        {
            int value = input.ReadByte();
            return value >= 0
                ? value
                : throw StrataException.Corrupt($"The bzip2 data is truncated: it ends at compressed offset {input.TakenBytes}, inside a stream.");
        }
    }
}
