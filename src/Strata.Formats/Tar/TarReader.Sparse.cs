using System.Buffers.Text;

namespace Strata.Formats.Tar;

/// <content>Sparse files: the map in the header (old GNU), in PAX records (0.0, 0.1), or before the data (1.0).</content>
public sealed partial class TarReader
{
    private const int HeaderMapEntries = 4;
    private const int BlockMapEntries = 21;

    /// <summary>Old GNU: four pairs in the header, the rest in blocks of 21 that follow it.</summary>
    private List<DataExtent> ReadGnuSparse(ReadOnlySpan<byte> block, ref long sizeBytes)
    {
        var extents = new List<DataExtent>();
        AddPairs(block[386..], HeaderMapEntries, extents);
        bool extended = block[482] != 0;
        sizeBytes = Number(block.Slice(483, 12), "size of a sparse file");
        Consume(TarHeader.BlockSize);
        while (extended)
        {
            long offset = PositionBytes;
            var more = PeekBlock();
            if (more.IsEmpty)
                throw Broken("it ends inside the map of a sparse file", offset);
            AddPairs(more, BlockMapEntries, extents);
            extended = more[504] != 0;
            Consume(TarHeader.BlockSize);
        }
        return extents;
    }

    private void AddPairs(ReadOnlySpan<byte> pairs, int count, List<DataExtent> extents)
    {
        for (int i = 0; i < count; i++)
        {
            var pair = pairs.Slice(i * 24, 24);
            if (pair[0] == 0)
                return;
            Add(extents, Number(pair[..12], "sparse offset"), Number(pair[12..], "sparse length"));
        }
    }

    private List<DataExtent> ReadPaxSparse(ref long packed, ref long sizeBytes)
    {
        var extents = new List<DataExtent>();
        sizeBytes = _pax.SparseSize ?? throw Broken("a sparse file does not tell its size", HeaderOffsetBytes);
        if (_pax.SparseMajor == 1 && _pax.SparseMinor == 0)
        {
            ReadMapBeforeData(extents, ref packed);
            return extents;
        }
        if (_pax.SparseMajor > 0)
            throw StrataException.NotSupported($"The tar has a sparse file of format {_pax.SparseMajor}.{_pax.SparseMinor} (at offset {HeaderOffsetBytes}); 0.0, 0.1 and 1.0 are known.");
        var map = _pax.SparseMap ?? throw Broken("a sparse file has no map", HeaderOffsetBytes);
        if (map.Count % 2 != 0)
            throw Broken("a sparse file's map has an odd count of numbers", HeaderOffsetBytes);
        for (int i = 0; i < map.Count; i += 2)
            Add(extents, map[i], map[i + 1]);
        return extents;
    }

    /// <summary>Sparse 1.0: decimal numbers, a line each, padded to a block: how many pairs, then the pairs.</summary>
    private void ReadMapBeforeData(List<DataExtent> extents, ref long packed)
    {
        long left = packed;
        long count = -1;
        long pending = -1;
        byte[] line = new byte[24];
        int length = 0;
        while (count < 0 || extents.Count < count)
        {
            if (left < TarHeader.BlockSize)
                throw Broken("a sparse file's map is cut off", PositionBytes);
            var block = PeekBlock();
            if (block.IsEmpty)
                throw Broken("it ends inside the map of a sparse file", PositionBytes);
            foreach (byte b in block)
            {
                if (b != (byte)'\n')
                {
                    if (length == line.Length)
                        throw Broken("a sparse file's map has a line that is no number", PositionBytes);
                    line[length++] = b;
                    continue;
                }
                if (!Utf8Parser.TryParse(line.AsSpan(0, length), out long number, out int used) || used != length || number < 0)
                    throw Broken("a sparse file's map has a line that is no number", PositionBytes);
                length = 0;
                if (count < 0)
                    count = number;
                else if (pending < 0)
                    pending = number;
                else
                {
                    Add(extents, pending, number);
                    pending = -1;
                }
                if (extents.Count >= count)
                    break;
            }
            if (count < 0 && length == 0)
                throw Broken("a sparse file's map is empty", PositionBytes);
            Consume(TarHeader.BlockSize);
            left -= TarHeader.BlockSize;
        }
        packed = left;
    }

    private void Add(List<DataExtent> extents, long offset, long length)
    {
        if (extents.Count >= _limits.MaxSparseExtents)
            throw OverLimit($"a sparse file has more than {_limits.MaxSparseExtents} extents", nameof(LayerLimits.MaxSparseExtents));
        extents.Add(new DataExtent(offset, length));
    }

    /// <summary>A map must rise, stay inside the file, and hold exactly the packed data. Empty extents only mark the end: they are dropped.</summary>
    private void CheckExtents(List<DataExtent> extents, long packed, long sizeBytes, byte[] name)
    {
        long end = 0, sum = 0;
        foreach (var extent in extents)
        {
            if (extent.OffsetBytes < end || extent.LengthBytes < 0 || extent.OffsetBytes > sizeBytes || extent.LengthBytes > sizeBytes - extent.OffsetBytes)
                throw Broken($"the map of the sparse file '{EntryPath.Display(name)}' does not fit its size", HeaderOffsetBytes);
            end = extent.OffsetBytes + extent.LengthBytes;
            sum += extent.LengthBytes;
        }
        if (sizeBytes < 0 || sum != packed)
            throw Broken($"the sparse file '{EntryPath.Display(name)}' has {packed} bytes of data, its map says {sum}", HeaderOffsetBytes);
        extents.RemoveAll(extent => extent.LengthBytes == 0);
    }
}
