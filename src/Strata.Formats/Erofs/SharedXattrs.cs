using System.IO.Hashing;

namespace Strata.Formats.Erofs;

/// <summary>Which attributes of an image are stored once and pointed at: those that were seen before, as far as two bounded tables remember.</summary>
/// <remarks>Memory: at most about 1.3 MB. What it answers depends on the calls alone.</remarks>
internal sealed class SharedXattrs
{
    private const int SeenSlots = 4096;
    private const int MaxShared = 4096;
    private const int MaxSharedBytes = 1 << 20;
    private readonly ulong[] _seen = new ulong[SeenSlots];
    private readonly Dictionary<byte[], uint> _shared = new(ByContent.Instance);
    private readonly Dictionary<byte[], uint>.AlternateLookup<ReadOnlySpan<byte>> _byEntry;
    private int _bytes;

    internal SharedXattrs() => _byEntry = _shared.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>The ID of an entry that is stored already.</summary>
    internal bool TryFind(ReadOnlySpan<byte> entry, out uint id) => _byEntry.TryGetValue(entry, out id);

    /// <summary>True if the entry was seen before, so that it should be stored once for all; else it is remembered.</summary>
    internal bool ShouldShare(ReadOnlySpan<byte> entry)
    {
        ulong hash = XxHash3.HashToUInt64(entry) | 1;
        ref ulong slot = ref _seen[(hash >> 1) % SeenSlots];
        if (slot == hash)
            return _shared.Count < MaxShared && _bytes + entry.Length <= MaxSharedBytes;
        slot = hash;
        return false;
    }

    /// <summary>Remembers where an entry is stored.</summary>
    internal void Add(ReadOnlySpan<byte> entry, uint id)
    {
        _shared.TryAdd(entry.ToArray(), id);
        _bytes += entry.Length;
    }

    private sealed class ByContent : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        internal static readonly ByContent Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)XxHash3.HashToUInt64(alternate);

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
