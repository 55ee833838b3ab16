using System.Buffers;

namespace Strata.Formats.Compression;

/// <summary>Compressed input through one pooled buffer: can be looked at before it is read, and counts what was taken.</summary>
internal sealed class InputBuffer : ReadOnlyStream
{
    /// <summary>The most that can be peeked at once.</summary>
    internal const int MaxPeekBytes = 192 * 1024;

    private const int BufferSize = 256 * 1024;
    private const int DirectReadBytes = 64 * 1024;
    private readonly Stream _source;
    private readonly bool _leaveOpen;
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private int _start;
    private int _end;

    internal InputBuffer(Stream source, bool leaveOpen)
    {
        _source = source;
        _leaveOpen = leaveOpen;
    }

    /// <summary>How many bytes were taken: the offset of the next one.</summary>
    internal long TakenBytes { get; private set; }

    /// <summary>True once the source said that nothing more comes: what <see cref="Peek"/> shows is all there is.</summary>
    internal bool SourceEnded { get; private set; }

    /// <summary>What the source threw, or null: such an error is the source's own and says nothing about the data.</summary>
    internal Exception? SourceError { get; private set; }

    /// <summary>All bytes that are buffered, but at least <paramref name="count"/> unless the source ends before; not taken.</summary>
    /// <param name="count">At most <see cref="MaxPeekBytes"/>.</param>
    internal ReadOnlySpan<byte> Peek(int count) => PeekSegment(count);

    /// <summary>As <see cref="Peek"/>: for who needs the array, to read from only.</summary>
    internal ArraySegment<byte> PeekSegment(int count)
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        if (_end - _start < count && !SourceEnded)
        {
            if (_buffer.Length - _start < count)
            {
                _buffer.AsSpan(_start.._end).CopyTo(_buffer);
                _end -= _start;
                _start = 0;
            }
            while (_end - _start < count && !SourceEnded)
            {
                int read = ReadSource(_buffer.AsSpan(_end));
                SourceEnded = read == 0;
                _end += read;
            }
        }
        return new ArraySegment<byte>(_buffer, _start, _end - _start);
    }

    /// <summary>Takes bytes that were peeked at.</summary>
    internal void Take(int count)
    {
        _start += count;
        TakenBytes += count;
    }

    public override int Read(Span<byte> buffer)
    {
        if (_start == _end)
        {
            _start = _end = 0;
            if (buffer.Length >= DirectReadBytes && !SourceEnded)
            {
                ObjectDisposedException.ThrowIf(_buffer is null, this);
                int read = ReadSource(buffer);
                SourceEnded = read == 0;
                TakenBytes += read;
                return read;
            }
        }
        var bytes = Peek(1);
        int count = Math.Min(bytes.Length, buffer.Length);
        bytes[..count].CopyTo(buffer);
        Take(count);
        return count;
    }

    public override int ReadByte()
    {
        var bytes = Peek(1);
        if (bytes.IsEmpty)
            return -1;
        byte value = bytes[0];
        Take(1);
        return value;
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

    private int ReadSource(Span<byte> buffer)
    {
        try
        {
            return _source.Read(buffer);
        }
        catch (Exception e)
        {
            SourceError = e;
            throw;
        }
    }
}
