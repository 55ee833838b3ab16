using System.IO.Hashing;

namespace Strata.Formats.Tar;

/// <summary>Reads records and hashes them.</summary>
internal sealed class RecipeRecordReader(Stream source)
{
    private readonly XxHash3 _hash = new();
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>The hash of all that there is, what was not asked for included.</summary>
    internal ulong HashOfAll()
    {
        do
            _start = _end;
        while (TryFill());
        return _hash.GetCurrentHashAsUInt64();
    }

    internal byte ReadByte()
    {
        if (_start == _end)
            Fill();
        return _buffer[_start++];
    }

    internal long ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = ReadByte();
            value |= (ulong)(b & 0x7F) << shift;
            if ((b & 0x80) == 0)
                return value <= long.MaxValue ? (long)value : throw TarRecipe.Broken("a number in it is too large");
        }
        throw TarRecipe.Broken("a number in it does not end");
    }

    /// <summary>A path, behind its length.</summary>
    internal EntryPath ReadPath()
    {
        long length = ReadVarint();
        if (length > RecipeFormat.MaxPathBytes)
            throw TarRecipe.Broken("a path in it is too long");
        byte[] bytes = new byte[length];
        Read(bytes);
        return EntryPath.TryCreate(bytes, out var path) ? path : throw TarRecipe.Broken("a path in it is none");
    }

    internal void Read(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_start == _end)
                Fill();
            int count = Math.Min(_end - _start, destination.Length);
            _buffer.AsSpan(_start, count).CopyTo(destination);
            destination = destination[count..];
            _start += count;
        }
    }

    private void Fill()
    {
        if (!TryFill())
            throw new EndOfStreamException();
    }

    private bool TryFill()
    {
        _start = 0;
        _end = source.Read(_buffer);
        _hash.Append(_buffer.AsSpan(0, _end));
        return _end > 0;
    }
}
