namespace Strata.Formats.Compression;

/// <summary>CRC-64 as xz uses it (ECMA-182, reflected), eight bytes at a time. System.IO.Hashing has the other bit order only.</summary>
internal struct XzCrc64
{
    private const ulong Polynomial = 0xC96C5795D7870F42;
    private static readonly ulong[] Tables = MakeTables();
    private ulong _state;

    internal readonly ulong Value => ~_state;

    internal static XzCrc64 Create() => new() { _state = ulong.MaxValue };

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        ulong state = _state;
        var tables = Tables;
        while (bytes.Length >= 8)
        {
            state ^= System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            state = tables[(7 * 256) + (byte)state] ^ tables[(6 * 256) + (byte)(state >> 8)]
                ^ tables[(5 * 256) + (byte)(state >> 16)] ^ tables[(4 * 256) + (byte)(state >> 24)]
                ^ tables[(3 * 256) + (byte)(state >> 32)] ^ tables[(2 * 256) + (byte)(state >> 40)]
                ^ tables[256 + (byte)(state >> 48)] ^ tables[(int)(state >> 56)];
            bytes = bytes[8..];
        }
        foreach (byte b in bytes)
            state = tables[(byte)(state ^ b)] ^ (state >> 8);
        _state = state;
    }

    /// <summary>Table n holds what a byte does that lies n bytes before the last one.</summary>
    private static ulong[] MakeTables()
    {
        ulong[] tables = new ulong[8 * 256];
        for (int i = 0; i < tables.Length; i++)
        {
            ulong value = i < 256 ? (ulong)i : tables[i - 256];
            if (i < 256)
            {
                for (int bit = 0; bit < 8; bit++)
                    value = (value >> 1) ^ ((value & 1) * Polynomial);
                tables[i] = value;
            }
            else
            {
                tables[i] = tables[(byte)value] ^ (value >> 8);
            }
        }
        return tables;
    }
}
