using System.Buffers.Binary;

namespace Strata.Trees;

/// <summary>The smallest EROFS image that asks a kernel all: one file, each block of it on another device.</summary>
/// <remarks>
/// The format is that of the kernel's fs/erofs/erofs_fs.h: a superblock at 1024, the table of devices behind it, then the root directory with its
/// names inline, and the file with one chunk for each device. What layers are written with is Strata.Formats' writer, which this room can't see.
/// </remarks>
internal static class ErofsProbeImage
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "f";

    private const uint Magic = 0xE0F5E1E2;
    private const int SuperOffset = 1024;
    private const int SlotSize = 128;
    private const int FirstSlot = (SuperOffset + 128) / SlotSize;
    private const int InodeSize = 32;
    private const int DirentSize = 12;
    private const uint ChunkedFile = 4;
    private const uint DeviceTable = 8;
    private const int LayoutInline = 2;
    private const int LayoutChunks = 4;
    private const uint ChunkIndexes = 0x20;

    /// <summary>Makes an image.</summary>
    /// <param name="blockBits">The block size is 2 to the power of it: 9 to 12.</param>
    /// <param name="devices">How many devices; the file is one block of each, in order.</param>
    public static byte[] Make(int blockBits, int devices)
    {
        int blockSize = 1 << blockBits;
        int root = Align((FirstSlot + devices) * SlotSize, 512);
        int file = root + (4 * InodeSize); // behind the root's 32 bytes and the 40 of its names
        byte[] image = new byte[Align(file + InodeSize + (8 * devices), blockSize)];
        var super = image.AsSpan(SuperOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(super, Magic);
        super[0x0C] = (byte)blockBits;
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x0E..], (ushort)(root / InodeSize));
        BinaryPrimitives.WriteUInt64LittleEndian(super[0x10..], 2);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x24..], (uint)(image.Length / blockSize));
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x50..], ChunkedFile | DeviceTable);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x56..], (ushort)devices);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x58..], FirstSlot);
        for (int i = 0; i < devices; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(((FirstSlot + i) * SlotSize) + 64), 1);

        WriteInode(image.AsSpan(root), LayoutInline, 0x41ED, 2, (3 * DirentSize) + 4, 0, 1);
        var names = image.AsSpan(root + InodeSize);
        WriteName(names, 0, ".", root, 2, 3 * DirentSize);
        WriteName(names, 1, "..", root, 2, (3 * DirentSize) + 1);
        WriteName(names, 2, FileName, file, 1, (3 * DirentSize) + 3);

        WriteInode(image.AsSpan(file), LayoutChunks, 0x81A4, 1, devices * blockSize, ChunkIndexes, 2);
        for (int i = 0; i < devices; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(file + InodeSize + (8 * i) + 2), (ushort)(i + 1));
        return image;
    }

    private static void WriteInode(Span<byte> inode, int layout, int mode, int links, int sizeBytes, uint special, uint number)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(inode, (ushort)(layout << 1));
        BinaryPrimitives.WriteUInt16LittleEndian(inode[4..], (ushort)mode);
        BinaryPrimitives.WriteUInt16LittleEndian(inode[6..], (ushort)links);
        BinaryPrimitives.WriteInt32LittleEndian(inode[8..], sizeBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(inode[0x10..], special);
        BinaryPrimitives.WriteUInt32LittleEndian(inode[0x14..], number);
    }

    private static void WriteName(Span<byte> names, int index, string name, int inodeOffset, byte type, int nameOffset)
    {
        var entry = names[(index * DirentSize)..];
        BinaryPrimitives.WriteUInt64LittleEndian(entry, (ulong)(inodeOffset / InodeSize));
        BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)nameOffset);
        entry[10] = type;
        for (int i = 0; i < name.Length; i++)
            names[nameOffset + i] = (byte)name[i];
    }

    private static int Align(int value, int to) => (value + to - 1) / to * to;
}
