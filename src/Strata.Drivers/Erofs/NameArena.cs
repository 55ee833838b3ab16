namespace Strata.Drivers.Erofs;

/// <summary>Strings of bytes, one behind the other in blocks of 64 KiB: a name costs its bytes and two more, and no object.</summary>
internal sealed class NameArena
{
    private const int BlockBits = 16;
    private const int BlockLength = 1 << BlockBits;
    private const int MaxBlocks = 1 << (31 - BlockBits);
    private readonly List<byte[]> _blocks = [];
    private int _used = BlockLength;

    /// <summary>Keeps a string of fewer than 64 KiB; returns what <see cref="Get"/> finds it by.</summary>
    /// <exception cref="StrataException">Exhausted: 2 GiB are full.</exception>
    internal int Add(ReadOnlySpan<byte> text)
    {
        int needed = text.Length + 2;
        if (_used + needed > BlockLength)
        {
            if (_blocks.Count == MaxBlocks)
                throw StrataException.Exhausted("The layer was refused: the names in it take more than 2 GiB.");
            _blocks.Add(new byte[BlockLength]);
            _used = 0;
        }
        var block = _blocks[^1];
        int reference = ((_blocks.Count - 1) << BlockBits) | _used;
        block[_used] = (byte)text.Length;
        block[_used + 1] = (byte)(text.Length >> 8);
        text.CopyTo(block.AsSpan(_used + 2));
        _used += needed;
        return reference;
    }

    internal ReadOnlySpan<byte> Get(int reference) => GetMemory(reference).Span;

    internal ReadOnlyMemory<byte> GetMemory(int reference)
    {
        byte[] block = _blocks[reference >> BlockBits];
        int start = reference & (BlockLength - 1);
        return block.AsMemory(start + 2, block[start] | (block[start + 1] << 8));
    }
}
