using System.Buffers.Binary;

namespace Strata.Formats.Tar;

/// <summary>The layout of a tar recipe (docs/design/tar-recipe.md).</summary>
internal static class RecipeFormat
{
    internal const byte RecordEnd = 0;
    internal const byte RecordRaw = 1;
    internal const byte RecordZeros = 2;
    internal const byte RecordContent = 3;

    internal const int FooterBytes = 48;
    internal const uint Version = 1;

    /// <summary>The longest path that a recipe is believed to hold; what is longer is damage.</summary>
    internal const int MaxPathBytes = 1 << 24;

    internal static ReadOnlySpan<byte> Magic => "STRATAR1"u8;

    internal static int PutVarint(Span<byte> destination, ulong value)
    {
        int length = 0;
        for (; value >= 0x80; value >>= 7)
            destination[length++] = (byte)(value | 0x80);
        destination[length++] = (byte)value;
        return length;
    }

    internal static void PutFooter(Span<byte> footer, long fixupsOffset, long fixupsLength, ulong recordsHash, ulong fixupsHash)
    {
        footer.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(footer, fixupsOffset);
        BinaryPrimitives.WriteInt64LittleEndian(footer[8..], fixupsLength);
        BinaryPrimitives.WriteUInt64LittleEndian(footer[16..], recordsHash);
        BinaryPrimitives.WriteUInt64LittleEndian(footer[24..], fixupsHash);
        BinaryPrimitives.WriteUInt32LittleEndian(footer[32..], Version);
        Magic.CopyTo(footer[40..]);
    }
}
