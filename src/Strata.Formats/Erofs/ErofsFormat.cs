using System.Numerics;
using System.Runtime.InteropServices;

namespace Strata.Formats.Erofs;

/// <summary>Numbers of the format. Source: fs/erofs/erofs_fs.h of Linux; all integers are little-endian.</summary>
internal static class ErofsFormat
{
    internal const uint Magic = 0xE0F5E1E2;
    internal const int SuperblockOffset = 1024;
    internal const int SuperblockBytes = 128;
    internal const int DeviceSlotBytes = 128;
    internal const int DeviceTagBytes = 64;
    internal const int NidBytes = 32;
    internal const int CompactBytes = 32;
    internal const int ExtendedBytes = 64;
    internal const int DirentBytes = 12;
    internal const int ChunkIndexBytes = 8;
    internal const int XattrHeaderBytes = 12;
    internal const int MaxNameBytes = 255;

    /// <summary>page_get_link ends a target at PAGE_SIZE - 1.</summary>
    internal const int MaxLinkTargetBytes = 4095;

    internal const uint CompatChecksum = 0x1;
    internal const uint CompatMtime = 0x2;
    internal const uint IncompatZeroPadding = 0x1;
    internal const uint IncompatChunkedFile = 0x4;
    internal const uint IncompatDeviceTable = 0x8;

    internal const int LayoutPlain = 0;
    internal const int LayoutInline = 2;
    internal const int LayoutChunks = 4;

    internal const int ChunkBitsMask = 0x1f;
    internal const int ChunkIndexes = 0x20;
    internal const uint NoBlock = 0xFFFFFFFF;

    internal const int ModeTypeMask = 0xF000;

    /// <summary>The file type bits of st_mode.</summary>
    internal static int ModeType(EntryKind kind) => kind switch
    {
        EntryKind.RegularFile => 0x8000,
        EntryKind.Directory => 0x4000,
        EntryKind.Symlink => 0xA000,
        EntryKind.CharDevice => 0x2000,
        EntryKind.BlockDevice => 0x6000,
        EntryKind.Fifo => 0x1000,
        EntryKind.Socket => 0xC000,
        _ => throw StrataException.InvalidArgument($"EROFS has no inode of kind {kind}: pass what it is on disk."),
    };

    internal static bool TryKindOfMode(int mode, out EntryKind kind)
    {
        (bool known, kind) = (mode & ModeTypeMask) switch
        {
            0x8000 => (true, EntryKind.RegularFile),
            0x4000 => (true, EntryKind.Directory),
            0xA000 => (true, EntryKind.Symlink),
            0x2000 => (true, EntryKind.CharDevice),
            0x6000 => (true, EntryKind.BlockDevice),
            0x1000 => (true, EntryKind.Fifo),
            0xC000 => (true, EntryKind.Socket),
            _ => (false, default),
        };
        return known;
    }

    /// <summary>The type in a directory's entry (FT_* of linux/fs_types.h).</summary>
    internal static byte FileType(EntryKind kind) => kind switch
    {
        EntryKind.RegularFile => 1,
        EntryKind.Directory => 2,
        EntryKind.CharDevice => 3,
        EntryKind.BlockDevice => 4,
        EntryKind.Fifo => 5,
        EntryKind.Socket => 6,
        EntryKind.Symlink => 7,
        _ => throw StrataException.InvalidArgument($"A directory of EROFS has no entry of kind {kind}: pass the kind of the inode that it names."),
    };

    internal static bool TryKindOfFileType(byte type, out EntryKind kind)
    {
        (bool known, kind) = type switch
        {
            1 => (true, EntryKind.RegularFile),
            2 => (true, EntryKind.Directory),
            3 => (true, EntryKind.CharDevice),
            4 => (true, EntryKind.BlockDevice),
            5 => (true, EntryKind.Fifo),
            6 => (true, EntryKind.Socket),
            7 => (true, EntryKind.Symlink),
            _ => (false, default),
        };
        return known;
    }

    /// <summary>How many bytes of the image the superblock's checksum covers, from the superblock on.</summary>
    internal static int ChecksummedBytes(int blockBytes) => blockBytes > SuperblockOffset ? blockBytes - SuperblockOffset : blockBytes;

    /// <summary>CRC-32C as the kernel's crc32c() computes it: not inverted at the end.</summary>
    internal static uint Crc32C(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes))
            crc = BitOperations.Crc32C(crc, word);
        foreach (byte one in bytes[(bytes.Length & ~7)..])
            crc = BitOperations.Crc32C(crc, one);
        return crc;
    }

    internal static long RoundUp(long value, long step) => (value + step - 1) / step * step;
}
