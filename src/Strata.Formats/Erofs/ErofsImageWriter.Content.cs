namespace Strata.Formats.Erofs;

/// <content>Files whose data lies in the image itself.</content>
public sealed partial class ErofsImageWriter
{
    /// <summary>A sparse file has at most so many chunks: the holes that are kept get coarser as the file grows.</summary>
    private const int MaxSparseChunks = 1 << 16;

    /// <summary>Adds a regular file and writes its data into the image, in one pass.</summary>
    /// <remarks>
    /// Data lies in whole blocks; what is left of a last block goes behind the inode if it is at most half of one. Holes stay holes as far as
    /// they hold whole chunks: blocks, or 1/65,536 of a large file.
    /// </remarks>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="content">Its data, read to the end.</param>
    /// <param name="cancellationToken">Checked at every piece.</param>
    /// <exception cref="StrataException">As for other files; Corrupt: the data is shorter or longer than its size. Exhausted: the image is full.</exception>
    public ErofsNode AddFile(in ErofsAttributes attributes, EntryContent content, CancellationToken cancellationToken = default)
    {
        long size = content.SizeBytes;
        Begin(attributes);
        if (size == 0)
            return Put(attributes, EntryKind.RegularFile, 0, ErofsFormat.LayoutPlain, 0, default);
        if (content.Extents is { } extents)
            return AddSparse(attributes, content, extents, cancellationToken);
        int tail = (int)(size % _blockBytes);
        if (tail > _blockBytes / 2 || !FitsInline(ErofsFormat.ExtendedBytes + _xattrs.WrittenCount, tail))
            tail = 0;
        long place = size == tail ? 0 : AllocateBlocks(size - tail);
        Span<byte> behind = _direntBytes.AsSpan(0, tail);
        long done = 0;
        while (NextPiece(content, size - done, cancellationToken) is { IsEmpty: false } piece)
        {
            int inBlocks = (int)Math.Min(piece.Length, Math.Max(0, size - tail - done));
            _image.Write(place + done, piece[..inBlocks]);
            if (inBlocks < piece.Length)
                piece[inBlocks..].CopyTo(behind[(int)(done + inBlocks - (size - tail))..]);
            done += piece.Length;
        }
        if (done != size)
            throw WrongLength(size);
        return Put(attributes, EntryKind.RegularFile, size, tail == 0 ? ErofsFormat.LayoutPlain : ErofsFormat.LayoutInline, (uint)(place >> _options.BlockBits), behind);
    }

    private ErofsNode AddSparse(in ErofsAttributes attributes, EntryContent content, IReadOnlyList<DataExtent> extents, CancellationToken cancellationToken)
    {
        long size = content.SizeBytes;
        int bits = _options.BlockBits;
        while ((size - 1) >> bits >= MaxSparseChunks && bits < _options.BlockBits + ErofsFormat.ChunkBitsMask)
            bits++;
        long chunks = ((size - 1) >> bits) + 1;
        if (chunks > MaxChunks)
            throw StrataException.Exhausted($"A sparse file of {size} bytes is larger than EROFS can point into.");
        // Chunks that hold data, in order, one behind the other.
        byte[] indexes = new byte[chunks * ErofsFormat.ChunkIndexBytes];
        int[] numbers = new int[chunks];
        int used = 0;
        foreach (var extent in extents)
        {
            for (long chunk = extent.OffsetBytes >> bits; chunk <= (extent.OffsetBytes + extent.LengthBytes - 1) >> bits; chunk++)
                numbers[chunk] = numbers[chunk] > 0 ? numbers[chunk] : ++used;
        }
        long place = used == 0 ? 0 : AllocateBlocks((long)used << bits);
        for (int i = 0; i < chunks; i++)
            WriteChunkIndex(indexes.AsSpan(i * ErofsFormat.ChunkIndexBytes), 0, numbers[i] == 0 ? ErofsFormat.NoBlock : (uint)((place + ((numbers[i] - 1L) << bits)) >> _options.BlockBits));
        foreach (var extent in extents)
        {
            for (long done = 0; done < extent.LengthBytes;)
            {
                long offset = extent.OffsetBytes + done;
                long inChunk = Math.Min(extent.LengthBytes - done, (((offset >> bits) + 1) << bits) - offset);
                var piece = NextPiece(content, inChunk, cancellationToken);
                if (piece.IsEmpty)
                    throw WrongLength(size);
                _image.Write(place + ((numbers[offset >> bits] - 1L) << bits) + (offset & ((1L << bits) - 1)), piece);
                done += piece.Length;
            }
        }
        if (!NextPiece(content, 1, cancellationToken).IsEmpty)
            throw WrongLength(size);
        _usesChunks = true;
        return Put(attributes, EntryKind.RegularFile, size, ErofsFormat.LayoutChunks, ChunkFormat(bits), indexes);
    }

    private static ReadOnlySpan<byte> NextPiece(EntryContent content, long left, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return left == 0 ? default : content.ReadChunk((int)Math.Min(left, PageBytes));
    }

    private static StrataException WrongLength(long size) =>
        StrataException.Corrupt($"A file can't be written to an EROFS image: its data is not as long as its size of {size} bytes says. It may have changed meanwhile.");
}
