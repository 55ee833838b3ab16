using Strata.Linux;

namespace Strata.Trees;

/// <summary>The names in one directory, sorted by their bytes. Can be filled again with another's: a walk needs as many as it is deep.</summary>
internal sealed class NameList
{
    private byte[] _bytes = [];
    private Place[] _names = [];
    private int _used;

    internal int Count { get; private set; }

    internal ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(_names[index].Start, _names[index].Length);

    /// <summary>The type bits that the directory tells; 0: it tells none.</summary>
    internal int TypeOf(int index) => _names[index].Type;

    /// <summary>The inode number that the directory tells; 0: these names come from elsewhere.</summary>
    internal ulong InodeOf(int index) => _names[index].Inode;

    /// <summary>What is known of a name without looking.</summary>
    internal NameFinding FindingOf(int index) => _names[index].Finding;

    internal static NameList Read(FileDescriptor directory)
    {
        var names = new NameList();
        names.Fill(directory);
        return names;
    }

    /// <summary>Forgets what it holds and reads a directory's names.</summary>
    internal void Fill(FileDescriptor directory)
    {
        Clear();
        using var reader = new DirectoryReader(directory);
        while (reader.MoveNext())
            Add(reader.Name, reader.Type, reader.Inode);
        _names.AsSpan(0, Count).Sort(new ByName(_bytes));
    }

    /// <summary>Forgets what it holds and takes names that are sorted.</summary>
    internal void Fill(IReadOnlyList<ScopedName> sorted)
    {
        Clear();
        foreach (var known in sorted)
            Add(known.Name, known.IsDirectory ? NameCalls.TypeDirectory : 0, known.Inode, known.Finding);
    }

    internal void Clear() => Count = _used = 0;

    private void Add(ReadOnlySpan<byte> name, int type, ulong inode, NameFinding finding = NameFinding.Unknown)
    {
        if (name.Length > _bytes.Length - _used)
            Array.Resize(ref _bytes, Math.Max(Math.Max(_bytes.Length * 2, 512), _used + name.Length));
        if (Count == _names.Length)
            Array.Resize(ref _names, Math.Max(Count * 2, 32));
        name.CopyTo(_bytes.AsSpan(_used));
        _names[Count++] = new Place(_used, name.Length, type, inode, finding);
        _used += name.Length;
    }

    private readonly record struct Place(int Start, int Length, int Type, ulong Inode, NameFinding Finding);

    private readonly struct ByName(byte[] bytes) : IComparer<Place>
    {
        public int Compare(Place x, Place y) => bytes.AsSpan(x.Start, x.Length).SequenceCompareTo(bytes.AsSpan(y.Start, y.Length));
    }
}
