namespace Strata.Formats.Erofs;

/// <summary>An image in a seekable stream through a few cached pages: forward writing stays sequential, a small change anywhere is cheap.</summary>
/// <remarks>Memory: the pages, and nothing else. The stream is not owned, and nobody else moves it meanwhile.</remarks>
internal sealed class PagedImage
{
    private readonly Stream _stream;
    private readonly int _pageBytes;
    private readonly byte[]?[] _bytes;
    private readonly long[] _numbers;
    private readonly long[] _used;
    private readonly bool[] _dirty;
    private long _written;
    private long _clock;
    private int _last;

    /// <param name="stream">Readable and seekable; writable for a writer.</param>
    /// <param name="pages">How many pages are kept.</param>
    /// <param name="pageBytes">The size of one.</param>
    internal PagedImage(Stream stream, int pages, int pageBytes)
    {
        _stream = stream;
        _pageBytes = pageBytes;
        _bytes = new byte[pages][];
        _numbers = new long[pages];
        _used = new long[pages];
        _dirty = new bool[pages];
        Array.Fill(_numbers, -1);
        _written = stream.Length;
    }

    /// <summary>How long the stream is, without what was not written back yet.</summary>
    internal long LengthBytes => _written;

    /// <summary>Reads; what nobody wrote is zeros.</summary>
    internal void Read(long offset, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var page = Page(offset / _pageBytes, forAll: false)[(int)(offset % _pageBytes)..];
            int count = Math.Min(page.Length, into.Length);
            page[..count].CopyTo(into);
            into = into[count..];
            offset += count;
        }
    }

    /// <summary>Writes.</summary>
    internal void Write(long offset, ReadOnlySpan<byte> from)
    {
        while (!from.IsEmpty)
        {
            int start = (int)(offset % _pageBytes);
            int count = Math.Min(_pageBytes - start, from.Length);
            from[..count].CopyTo(Page(offset / _pageBytes, forAll: count == _pageBytes)[start..]);
            _dirty[_last] = true;
            from = from[count..];
            offset += count;
        }
    }

    /// <summary>Writes all back and makes the stream exactly so long.</summary>
    internal void Finish(long lengthBytes)
    {
        foreach (int slot in Enumerable.Range(0, _numbers.Length).OrderBy(i => _numbers[i]))
            WriteBack(slot);
        _stream.SetLength(lengthBytes);
        _written = lengthBytes;
        _stream.Flush();
    }

    private Span<byte> Page(long number, bool forAll)
    {
        if (_numbers[_last] != number)
            _last = Find(number, forAll);
        _used[_last] = ++_clock;
        return _bytes[_last];
    }

    private int Find(long number, bool forAll)
    {
        int oldest = 0;
        for (int i = 0; i < _numbers.Length; i++)
        {
            if (_numbers[i] == number)
                return i;
            if (_used[i] < _used[oldest])
                oldest = i;
        }
        WriteBack(oldest);
        _numbers[oldest] = -1;
        byte[] bytes = _bytes[oldest] ??= new byte[_pageBytes];
        int have = 0;
        if (!forAll && number * _pageBytes < _written)
        {
            _stream.Position = number * _pageBytes;
            have = _stream.ReadAtLeast(bytes, _pageBytes, throwOnEndOfStream: false);
        }
        bytes.AsSpan(have).Clear();
        _numbers[oldest] = number;
        return oldest;
    }

    private void WriteBack(int slot)
    {
        if (!_dirty[slot])
            return;
        long start = _numbers[slot] * _pageBytes;
        _stream.Position = start;
        _stream.Write(_bytes[slot]);
        _written = Math.Max(_written, start + _pageBytes);
        _dirty[slot] = false;
    }
}
