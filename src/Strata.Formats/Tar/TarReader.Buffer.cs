namespace Strata.Formats.Tar;

/// <content>The buffer: bytes come in from the source, and leave to the raw copy and the recorder when they are consumed.</content>
public sealed partial class TarReader
{
    private int Buffered => _end - _start;

    /// <summary>Makes at least <paramref name="count"/> bytes available, or fewer at the end of the source.</summary>
    private void Fill(int count)
    {
        if (Buffered >= count)
            return;
        if (_start > 0)
        {
            CopyRaw();
            _rawFrom = 0;
            _buffer.AsSpan(_start, Buffered).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        while (_end < count && !_sourceEnded)
        {
            int read = _source.Read(_buffer!, _end, _buffer!.Length - _end);
            if (read == 0)
                _sourceEnded = true;
            _end += read;
        }
    }

    /// <summary>The next block, not consumed; empty if the source is at its end.</summary>
    private ReadOnlySpan<byte> PeekBlock()
    {
        Fill(TarHeader.BlockSize);
        if (Buffered == 0)
            return default;
        if (Buffered < TarHeader.BlockSize)
            throw Broken($"it ends inside a header block, {TarHeader.BlockSize - Buffered} bytes short", PositionBytes + Buffered);
        return _buffer.AsSpan(_start, TarHeader.BlockSize);
    }

    /// <summary>Passes buffered bytes on as raw ones.</summary>
    private void Consume(int count)
    {
        var bytes = _buffer.AsSpan(_start, count);
        _recorder?.AddRaw(bytes);
        Pass(bytes);
    }

    /// <summary>Passes buffered bytes on whose recording is done elsewhere.</summary>
    private void Pass(ReadOnlySpan<byte> bytes)
    {
        _start += bytes.Length;
        Advance(bytes.Length);
    }

    /// <summary>What was passed goes to the raw copy: a buffer at a time, not an entry.</summary>
    private void CopyRaw()
    {
        if (_rawCopy is not null && _start > _rawFrom)
            _rawCopy.Write(_buffer.AsSpan(_rawFrom.._start));
        _rawFrom = _start;
    }

    private void Advance(long count)
    {
        PositionBytes += count;
        if (PositionBytes > _limits.MaxTarBytes)
            throw OverLimit($"its tar has more than {_limits.MaxTarBytes} bytes", nameof(LayerLimits.MaxTarBytes));
    }

    private void ReadRaw(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            Fill(Math.Min(destination.Length, _buffer!.Length));
            int count = Math.Min(Buffered, destination.Length);
            if (count == 0)
                throw Broken($"it ends inside an extended header, {destination.Length} bytes short", PositionBytes);
            _buffer.AsSpan(_start, count).CopyTo(destination);
            destination = destination[count..];
            Consume(count);
        }
    }

    private void SkipPadding(long size)
    {
        int padding = (int)(-size & (TarHeader.BlockSize - 1));
        if (padding == 0)
            return;
        Fill(padding);
        if (Buffered < padding)
            throw Broken($"it ends inside the padding of an entry, {padding - Buffered} bytes short", PositionBytes + Buffered);
        Consume(padding);
    }

    /// <summary>Skipping means passing on: the raw copy and the recorder want the bytes.</summary>
    private void SkipContent(CancellationToken cancellationToken)
    {
        if (EntryIndex < 0)
            return;
        if (_rawCopy is null && _recorder is null && _source.CanSeek)
            _content.SeekOver();
        while (!_content.ReadChunk(int.MaxValue).IsEmpty)
            cancellationToken.ThrowIfCancellationRequested();
        _content.End();
    }

    /// <summary>Skips the data of a hard link, its padding included.</summary>
    private void SkipLinkData(long size, CancellationToken cancellationToken)
    {
        for (long left = size; left > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Fill(1);
            int count = (int)Math.Min(Buffered, left);
            if (count == 0)
                throw Broken($"it ends inside the data of a hard link, {left} bytes short", PositionBytes);
            Consume(count);
            left -= count;
        }
        SkipPadding(size);
    }

    /// <summary>The end: zero blocks, then whatever else is there, passed on to its last byte.</summary>
    private void ReadEnd(bool sourceEnded, CancellationToken cancellationToken)
    {
        if (!sourceEnded)
        {
            long offset = PositionBytes;
            Consume(TarHeader.BlockSize);
            var second = PeekBlock();
            if (!second.IsEmpty && !TarHeader.IsZero(second))
                throw Broken("a lone zero block stands between entries", offset);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Fill(1);
                if (Buffered == 0)
                    break;
                Consume(Buffered);
            }
        }
        CopyRaw();
        _finished = true;
    }

    /// <summary>The current entry's content: spans of the reader's buffer.</summary>
    private sealed class TarContent(TarReader reader) : EntryContent
    {
        private long _size;
        private long _packed;
        private long _left;
        private bool _referenced;
        private IReadOnlyList<DataExtent>? _extents;

        public override long SizeBytes => _size;

        public override IReadOnlyList<DataExtent>? Extents => _extents;

        public override ReadOnlySpan<byte> ReadChunk(int maxBytes)
        {
            if (_left == 0)
                return default;
            reader.Fill(1);
            int count = (int)Math.Min(Math.Min(reader.Buffered, maxBytes), _left);
            if (count == 0)
            {
                throw Broken($"it ends inside the data of an entry, {_left} bytes short", reader.PositionBytes);
            }
            var bytes = reader._buffer.AsSpan(reader._start, count);
            if (!_referenced)
                reader._recorder?.AddRaw(bytes);
            reader.Pass(bytes);
            _left -= count;
            return bytes;
        }

        internal void Begin(long size, long packed, IReadOnlyList<DataExtent>? extents)
        {
            _size = size;
            _packed = _left = packed;
            _extents = extents;
            _referenced = false;
        }

        internal void ReferenceAs(EntryPath path)
        {
            if (_packed == 0 || reader._recorder is null)
                return;
            if (_left != _packed)
                throw new InvalidOperationException("The content was read before it was referenced.");
            _referenced = true;
            reader._recorder.AddContent(reader.EntryIndex, path, _packed, _size, _extents);
        }

        /// <summary>Nobody wants the bytes, and the source can seek: past what is not in the buffer. The last byte is read, so that its absence is seen.</summary>
        internal void SeekOver()
        {
            long skip = _left - reader.Buffered - 1;
            if (skip <= 0)
                return;
            long missing = skip + 1 - (reader._source.Length - reader._source.Position);
            if (missing > 0)
                throw Broken($"it ends inside the data of an entry, {missing} bytes short", reader.PositionBytes + _left - missing);
            reader._source.Seek(skip, SeekOrigin.Current);
            int buffered = reader.Buffered;
            reader._start = reader._end = 0;
            reader.Advance(buffered + skip);
            _left = 1;
        }

        internal void End()
        {
            reader.SkipPadding(_packed);
            _packed = 0;
        }
    }
}
