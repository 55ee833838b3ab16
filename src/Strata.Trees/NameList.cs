using Strata.Linux;

namespace Strata.Trees;

/// <summary>The names in one directory, sorted by their bytes.</summary>
internal sealed class NameList
{
    private readonly byte[] _bytes;
    private readonly (int Start, int Length, int Type)[] _names;

    private NameList(byte[] bytes, (int Start, int Length, int Type)[] names)
    {
        _bytes = bytes;
        _names = names;
    }

    internal static NameList Empty { get; } = new([], []);

    internal int Count => _names.Length;

    internal ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(_names[index].Start, _names[index].Length);

    /// <summary>The type bits that the directory tells; 0: it tells none.</summary>
    internal int TypeOf(int index) => _names[index].Type;

    internal static NameList Read(FileDescriptor directory)
    {
        using var reader = new DirectoryReader(directory);
        byte[] bytes = new byte[1024];
        int used = 0;
        var names = new List<(int Start, int Length, int Type)>();
        while (reader.MoveNext())
        {
            var name = reader.Name;
            if (name.Length > bytes.Length - used)
                Array.Resize(ref bytes, Math.Max(bytes.Length * 2, used + name.Length));
            name.CopyTo(bytes.AsSpan(used));
            names.Add((used, name.Length, reader.Type));
            used += name.Length;
        }
        names.Sort((a, b) => bytes.AsSpan(a.Start, a.Length).SequenceCompareTo(bytes.AsSpan(b.Start, b.Length)));
        return new NameList(bytes, [.. names]);
    }
}
