using System.Runtime.InteropServices;

namespace Strata.Formats.Tar;

/// <summary>The fields of a 512-byte header block: where they lie and how numbers are written (pax(1), tar(5)).</summary>
internal static class TarHeader
{
    internal const int BlockSize = 512;

    internal static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> block) => Cut(block[..100]);

    internal static ReadOnlySpan<byte> LinkName(ReadOnlySpan<byte> block) => Cut(block.Slice(157, 100));

    /// <summary>The front of a long name. star's headers are ustar's with a shorter prefix: access and change times stand behind it.</summary>
    internal static ReadOnlySpan<byte> Prefix(ReadOnlySpan<byte> block) => Cut(block.Slice(345, IsStar(block) ? 131 : 155));

    internal static bool IsPosix(ReadOnlySpan<byte> block) => block.Slice(257, 6).SequenceEqual("ustar\0"u8);

    private static bool IsStar(ReadOnlySpan<byte> block) => block[508..].SequenceEqual("tar\0"u8);

    internal static bool IsZero(ReadOnlySpan<byte> block) => block.IndexOfAnyExcept((byte)0) < 0;

    /// <summary>True if the block's checksum is right, counted with unsigned or (as some old programs did) with signed bytes.</summary>
    internal static bool ChecksumIsRight(ReadOnlySpan<byte> block)
    {
        if (!TryNumber(block.Slice(148, 8), out long stored))
            return false;
        if (stored == Checksum(block))
            return true;
        long signed = 0;
        for (int i = 0; i < BlockSize; i++)
            signed += i is >= 148 and < 156 ? ' ' : (sbyte)block[i];
        return stored == signed;
    }

    /// <summary>The sum of the block's bytes, the checksum field counted as spaces. Eight bytes at a time, in lanes of 16 bits.</summary>
    internal static int Checksum(ReadOnlySpan<byte> block)
    {
        const ulong Even = 0x00FF00FF00FF00FF;
        ulong lanes = 0; // 64 words add at most 64 * 510 to each lane: no overflow
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(block[..BlockSize]))
            lanes += (word & Even) + ((word >> 8) & Even);
        int sum = (int)(lanes & 0xFFFF) + (int)((lanes >> 16) & 0xFFFF) + (int)((lanes >> 32) & 0xFFFF) + (int)(lanes >> 48);
        foreach (byte b in block.Slice(148, 8))
            sum += ' ' - b;
        return sum;
    }

    /// <summary>A number: octal digits between spaces and NULs, or base 256 when the first bit is set (GNU), negative if the second is.</summary>
    internal static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            bool negative = (field[0] & 0x40) != 0;
            ulong bits = negative ? ulong.MaxValue : 0;
            int skip = field.Length - 8;
            for (int i = 0; i < field.Length; i++)
            {
                byte b = i == 0 ? (byte)(negative ? field[0] | 0x80 : field[0] & 0x7F) : field[i];
                if (i < skip && b != (negative ? 0xFF : 0))
                    return false;
                bits = (bits << 8) | b;
            }
            value = (long)bits;
            return negative == value < 0;
        }
        var text = field.Trim("\0 "u8);
        int end = text.IndexOfAny((byte)0, (byte)' ');
        if (end >= 0)
            text = text[..end];
        foreach (byte b in text)
        {
            if (b is < (byte)'0' or > (byte)'7' || value > long.MaxValue >> 3)
                return false;
            value = (value << 3) | (uint)(b - '0');
        }
        return true;
    }

    internal static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }
}
