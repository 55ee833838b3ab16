using System.Buffers;
using System.Runtime.InteropServices;

namespace Strata.Store;

/// <summary>A set of the driver's IDs, which may be 100,000: 64 hexadecimal digits, as nearly all are, take 40 bytes and not 180.</summary>
/// <param name="capacity">How many are expected.</param>
internal sealed class LayerIdSet(int capacity)
{
    private const int HexLength = 64;
    private static readonly SearchValues<char> _hexDigits = SearchValues.Create("0123456789abcdef");
    private readonly HashSet<(UInt128, UInt128)> _hex = new(capacity);
    private readonly HashSet<string> _others = new(StringComparer.Ordinal);

    internal void Add(string id)
    {
        if (TryPack(id, out var packed))
            _hex.Add(packed);
        else
            _others.Add(id);
    }

    internal bool Contains(string id) => TryPack(id, out var packed) ? _hex.Contains(packed) : _others.Contains(id);

    private static bool TryPack(string id, out (UInt128, UInt128) packed)
    {
        packed = default;
        if (id.Length != HexLength || id.AsSpan().ContainsAnyExcept(_hexDigits))
            return false;
        Span<byte> bytes = stackalloc byte[HexLength / 2];
        Convert.FromHexString(id, bytes, out _, out _);
        packed = (MemoryMarshal.Read<UInt128>(bytes), MemoryMarshal.Read<UInt128>(bytes[16..]));
        return true;
    }
}
