using Strata.Linux;

namespace Strata.Trees;

/// <summary>Lists of names that one walk uses again and again: a tree has thousands of directories, and their lists would be most of its garbage.</summary>
internal sealed class NameListPool
{
    private readonly Stack<NameList> _free = new();

    /// <summary>A list of a directory's names; give it back when it is not needed any more.</summary>
    internal NameList Read(FileDescriptor directory)
    {
        var names = Empty();
        names.Fill(directory);
        return names;
    }

    /// <summary>A list of names that are known; give it back when it is not needed any more.</summary>
    internal NameList Of(IReadOnlyList<ScopedName> sorted)
    {
        var names = Empty();
        names.Fill(sorted);
        return names;
    }

    internal NameList Empty() => _free.TryPop(out var names) ? names : new NameList();

    internal void Return(NameList names)
    {
        names.Clear();
        _free.Push(names);
    }
}
