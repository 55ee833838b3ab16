namespace Strata.Trees;

/// <summary>
/// The directories that were used last, by their path in the layer. Emptied whenever a directory or a symbolic link is replaced, so that no
/// entry is ever resolved by what used to stand on its way (CVE-2025-47290).
/// </summary>
internal sealed class OpenDirectoryCache : IDisposable
{
    private const int Capacity = 384;
    private readonly Dictionary<byte[], LinkedListNode<(byte[] Key, OpenDirectory Directory)>> _byPath = new(BytesComparer.Instance);
    private readonly Dictionary<byte[], LinkedListNode<(byte[] Key, OpenDirectory Directory)>>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;
    private readonly LinkedList<(byte[] Key, OpenDirectory Directory)> _newestFirst = new();

    internal OpenDirectoryCache() => _bySpan = _byPath.GetAlternateLookup<ReadOnlySpan<byte>>();

    internal OpenDirectory? Find(ReadOnlySpan<byte> path)
    {
        if (_newestFirst.First is { } first && path.SequenceEqual(first.Value.Key))
            return first.Value.Directory;
        if (!_bySpan.TryGetValue(path, out var node))
            return null;
        _newestFirst.Remove(node);
        _newestFirst.AddFirst(node);
        return node.Value.Directory;
    }

    internal void Add(ReadOnlySpan<byte> path, OpenDirectory directory)
    {
        if (_byPath.Count >= Capacity)
        {
            var last = _newestFirst.Last!;
            _newestFirst.RemoveLast();
            _byPath.Remove(last.Value.Key);
            last.Value.Directory.Release();
        }
        byte[] key = path.ToArray();
        _byPath[key] = _newestFirst.AddFirst((key, directory));
    }

    internal void Clear()
    {
        foreach (var (_, directory) in _newestFirst)
            directory.Release();
        _newestFirst.Clear();
        _byPath.Clear();
    }

    public void Dispose() => Clear();

    private sealed class BytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        internal static readonly BytesComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
