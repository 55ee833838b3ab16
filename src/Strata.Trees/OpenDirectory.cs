using Strata.Linux;

namespace Strata.Trees;

/// <summary>A directory that a writer holds open, shared by the cache and by the jobs that still need it; closed by the last.</summary>
internal sealed class OpenDirectory
{
    private readonly FileDescriptor _file;
    private int _users = 1;

    internal OpenDirectory(FileDescriptor file, EntryPath path, bool throughSymlink)
    {
        _file = file;
        Path = path;
        ThroughSymlink = throughSymlink;
        Lane = (uint)path.GetHashCode();
    }

    /// <summary>The same for the same directory, however often it is opened: chooses the thread that writes into it.</summary>
    internal uint Lane { get; }

    internal FileDescriptor File => _file;

    internal int Number => _file.Number;

    /// <summary>Where it really stands below the root.</summary>
    internal EntryPath Path { get; }

    /// <summary>The path that it was asked by leads through a symbolic link. Set before anybody else sees it.</summary>
    internal bool ThroughSymlink { get; set; }

    internal OpenDirectory Share()
    {
        Interlocked.Increment(ref _users);
        return this;
    }

    internal void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
            _file.Dispose();
    }
}
