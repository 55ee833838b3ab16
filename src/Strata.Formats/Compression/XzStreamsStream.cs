using SharpCompress.Compressors.Xz;

namespace Strata.Formats.Compression;

/// <summary>xz streams one after the other, with stream padding between them; the library decodes just one. Nothing else may follow.</summary>
internal sealed class XzStreamsStream : ReadOnlyStream
{
    private readonly InputBuffer _input;
    private XZStream? _stream;
    private bool _ended;

    internal XzStreamsStream(InputBuffer input)
    {
        _input = input;
        _stream = new XZStream(new Unowned(input));
    }

    private static ReadOnlySpan<byte> Magic => [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];

    public override int Read(Span<byte> buffer)
    {
        byte[] array = System.Buffers.ArrayPool<byte>.Shared.Rent(buffer.Length);
        try
        {
            while (!_ended && !buffer.IsEmpty)
            {
                int read = _stream!.Read(array, 0, buffer.Length);
                if (read > 0)
                {
                    array.AsSpan(0, read).CopyTo(buffer);
                    return read;
                }
                NextStream();
            }
            return 0;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(array);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _input.Dispose();
        base.Dispose(disposing);
    }

    private void NextStream()
    {
        // Stream padding: zeros in fours (xz file format 1.2, section 2.2).
        while (_input.Peek(4) is { Length: 4 } word && word.IndexOfAnyExcept((byte)0) < 0)
            _input.Take(4);
        var next = _input.Peek(6);
        if (next.IsEmpty)
        {
            _ended = true;
            return;
        }
        if (!next.SequenceEqual(Magic))
            throw StrataException.Corrupt($"Garbage follows the last xz stream, at compressed offset {_input.TakenBytes}.");
        _stream = new XZStream(new Unowned(_input));
    }

    private sealed class Unowned(InputBuffer input) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer) => input.Read(buffer);
    }
}
