using System.Buffers;

namespace Strata.Formats.Compression;

/// <summary>Compressed input through one pooled buffer: can be looked at before it is read, and counts what was taken.</summary>
internal sealed class InputBuffer : ReadOnlyStream
{
    /// <summary>How many taken bytes can be given back at least.</summary>
    internal const int HistoryBytes = 16 * 1024;

    private const int BufferSize = 256 * 1024;
    private readonly Stream _source;
    private readonly bool _leaveOpen;
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private int _start;
    private int _end;
    private bool _ended;

    internal InputBuffer(Stream source, bool leaveOpen)
    {
        _source = source;
        _leaveOpen = leaveOpen;
    }

    /// <summary>How many bytes were taken.</summary>
    internal long TakenBytes { get; private set; }

    /// <summary>Up to <paramref name="count"/> bytes that come next, fewer at the end; not taken.</summary>
    internal ReadOnlySpan<byte> Peek(int count)
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        if (_start + count > _buffer.Length)
        {
            int from = Math.Max(0, _start - HistoryBytes);
            _buffer.AsSpan(from, _end - from).CopyTo(_buffer);
            _end -= from;
            _start -= from;
        }
        while (_end - _start < count && !_ended && _end < _buffer.Length)
        {
            int read = _source.Read(_buffer, _end, _buffer.Length - _end);
            _ended = read == 0;
            _end += read;
        }
        return _buffer.AsSpan(_start, Math.Min(count, _end - _start));
    }

    /// <summary>Takes bytes that were peeked at.</summary>
    internal void Take(int count)
    {
        _start += count;
        TakenBytes += count;
    }

    /// <summary>Gives back bytes that were the last ones taken: at most <see cref="HistoryBytes"/>.</summary>
    internal void GiveBack(int count)
    {
        _start -= count;
        TakenBytes -= count;
    }

    public override int Read(Span<byte> buffer)
    {
        var bytes = Peek(1);
        if (bytes.IsEmpty)
            return 0;
        int count = Math.Min(_end - _start, buffer.Length);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        Take(count);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
            if (!_leaveOpen)
                _source.Dispose();
        }
        base.Dispose(disposing);
    }
}
