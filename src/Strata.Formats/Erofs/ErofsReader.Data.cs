using System.Buffers.Binary;
using System.Numerics;

namespace Strata.Formats.Erofs;

/// <content>Where data lies.</content>
public sealed partial class ErofsReader
{
    /// <summary>Where a file's data lies, in rising order, neighbours joined; what is left out is holes.</summary>
    /// <remarks>Lazy: errors come while it is enumerated. Device 0 is the image itself, where data behind an inode starts at any byte.</remarks>
    /// <exception cref="StrataException">Corrupt: an extent lies outside. NotSupported: a newer form.</exception>
    public IEnumerable<ErofsExtent> Extents(ErofsInode inode)
    {
        ErofsExtent? before = null;
        for (long offset = 0; offset < DataBytes(inode);)
        {
            var piece = Map(inode, offset);
            offset = piece.FileOffsetBytes + piece.LengthBytes;
            if (piece.Device < 0)
                continue;
            if (before is { } last && last.Device == piece.Device && last.FileOffsetBytes + last.LengthBytes == piece.FileOffsetBytes
                && last.DeviceOffsetBytes + last.LengthBytes == piece.DeviceOffsetBytes)
            {
                before = last with { LengthBytes = last.LengthBytes + piece.LengthBytes };
                continue;
            }
            if (before is { } done)
                yield return done;
            before = piece;
        }
        if (before is { } rest)
            yield return rest;
    }

    /// <summary>Reads data that lies in the image itself; holes are zeros.</summary>
    /// <param name="inode">A regular file, a link or a directory.</param>
    /// <param name="offset">Where in the file.</param>
    /// <param name="into">Filled, except at the end of the file.</param>
    /// <returns>How many bytes were read; 0 at the end.</returns>
    /// <exception cref="StrataException">Corrupt: it lies outside. NotSupported: it lies in an extra device.</exception>
    public int Read(ErofsInode inode, long offset, Span<byte> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        int wanted = (int)Math.Min(into.Length, Math.Max(0, DataBytes(inode) - offset));
        for (int done = 0; done < wanted;)
        {
            var piece = Map(inode, offset + done);
            long skip = offset + done - piece.FileOffsetBytes;
            int count = (int)Math.Min(wanted - done, piece.LengthBytes - skip);
            if (piece.Device > 0)
                throw StrataException.NotSupported($"Data of inode {inode.Node.Nid} lies in device {piece.Device}, outside the EROFS image: read it there, or mount both.");
            if (piece.Device < 0)
                into.Slice(done, count).Clear();
            else
                Read(piece.DeviceOffsetBytes + skip, into.Slice(done, count), inode.Node);
            done += count;
        }
        return wanted;
    }

    private static long DataBytes(ErofsInode inode) =>
        inode.Kind is EntryKind.RegularFile or EntryKind.Directory or EntryKind.Symlink ? inode.SizeBytes : 0;

    /// <summary>The piece of data around an offset: a chunk, or a plain file's blocks or tail; device -1: a hole. Checked to lie inside.</summary>
    private ErofsExtent Map(ErofsInode inode, long offset)
    {
        if (inode.Layout == ErofsLayout.Chunks)
            return MapChunk(inode, offset);
        int bits = Superblock.BlockBits;
        long size = inode.SizeBytes;
        long tail = inode.Layout == ErofsLayout.Inline ? (size - 1) >> bits << bits : size;
        if (offset >= tail)
        {
            long length = size - tail;
            if ((inode.HeadEnd & (Superblock.BlockBytes - 1)) + length > Superblock.BlockBytes)
                throw Broken(inode.Node, "its inline data crosses a block's bound");
            return Inside(inode, new ErofsExtent(tail, length, 0, inode.HeadEnd));
        }
        return inode.Union == ErofsFormat.NoBlock
            ? new ErofsExtent(0, tail, -1, 0)
            : Inside(inode, AtBlock(0, tail, 0, inode.Union));
    }

    private ErofsExtent MapChunk(ErofsInode inode, long offset)
    {
        int format = (int)(inode.Union & 0xFFFF);
        if ((format & ~(ErofsFormat.ChunkBitsMask | ErofsFormat.ChunkIndexes)) != 0)
            throw StrataException.NotSupported($"Inode {inode.Node.Nid} of the EROFS image has chunks in a newer form ({format:x}): mount the image instead.");
        int bits = Superblock.BlockBits + (format & ErofsFormat.ChunkBitsMask);
        bool indexed = (format & ErofsFormat.ChunkIndexes) != 0;
        int unit = indexed ? ErofsFormat.ChunkIndexBytes : 4;
        long chunk = offset >> bits;
        long start = chunk << bits;
        long length = Math.Min(1L << bits, inode.SizeBytes - start);
        Span<byte> index = stackalloc byte[unit];
        Read(ErofsFormat.RoundUp(inode.HeadEnd, unit) + (chunk * unit), index, inode.Node);
        uint block = BinaryPrimitives.ReadUInt32LittleEndian(index[(unit - 4)..]);
        if (block == ErofsFormat.NoBlock)
            return new ErofsExtent(start, length, -1, 0);
        int device = 0;
        if (indexed)
        {
            int mask = (int)BitOperations.RoundUpToPowerOf2((uint)Superblock.Devices.Count + 1) - 1;
            device = BinaryPrimitives.ReadUInt16LittleEndian(index[2..]) & mask;
        }
        return Inside(inode, AtBlock(start, length, device, block));
    }

    private ErofsExtent AtBlock(long start, long length, int device, uint block)
    {
        // A block behind the image may be one of a device that is mapped there.
        for (int i = 0; device == 0 && block >= Superblock.Blocks && i < Superblock.Devices.Count; i++)
        {
            var mapped = Superblock.Devices[i];
            if (mapped.MappedBlock != 0 && block >= mapped.MappedBlock && block - mapped.MappedBlock < mapped.Blocks)
                return new ErofsExtent(start, length, i + 1, (long)(block - mapped.MappedBlock) << Superblock.BlockBits);
        }
        return new ErofsExtent(start, length, device, (long)block << Superblock.BlockBits);
    }

    private ErofsExtent Inside(ErofsInode inode, ErofsExtent extent)
    {
        if (extent.Device > Superblock.Devices.Count)
            throw Broken(inode.Node, $"it points into device {extent.Device} of {Superblock.Devices.Count}");
        uint blocks = extent.Device == 0 ? 0 : Superblock.Devices[extent.Device - 1].Blocks;
        long end = extent.Device == 0 ? _length : (long)(blocks == 0 ? ErofsFormat.NoBlock : blocks) << Superblock.BlockBits;
        if (extent.DeviceOffsetBytes > end - extent.LengthBytes)
            throw Broken(inode.Node, $"its data, {extent.LengthBytes} bytes at {extent.DeviceOffsetBytes}, lies behind the end of device {extent.Device} at {end}");
        return extent;
    }
}
