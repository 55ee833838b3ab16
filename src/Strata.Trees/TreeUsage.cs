using Strata.Linux;

namespace Strata.Trees;

/// <summary>Measures what a tree takes on disk, as du(1) does.</summary>
public static class TreeUsage
{
    /// <summary>Counts what a path takes: a file, or a directory and all below it; nothing there is nothing.</summary>
    public static Usage Measure(string path, CancellationToken cancellationToken = default)
    {
        if (AttributeCalls.FindStatus(path) is not { } status)
            return default;
        if (!status.IsDirectory)
            return new Usage(status.Blocks * 512, 1);
        using var root = RootDirectory.Open(path);
        return Measure(root, cancellationToken);
    }

    /// <summary>Counts a tree's blocks and inodes, hard links once, the root included; what is mounted in it is not (Linux 5.8).</summary>
    public static Usage Measure(RootDirectory root, CancellationToken cancellationToken = default) => Measure(root, long.MaxValue, long.MaxValue, cancellationToken);

    /// <summary>True if a directory and all below it take no more than so much. Looks no further once they take more.</summary>
    public static bool IsAtMost(string path, long inodes, long sizeBytes)
    {
        using var root = RootDirectory.Open(path);
        var found = Measure(root, inodes, sizeBytes, default);
        return found.Inodes <= inodes && found.SizeBytes <= sizeBytes;
    }

    private static Usage Measure(RootDirectory root, long mostInodes, long mostBytes, CancellationToken cancellationToken)
    {
        var rootStatus = AttributeCalls.Stat(root.File);
        long blocks = rootStatus.Blocks;
        long inodes = 1;
        var seen = new HashSet<(ulong Device, ulong Inode)>();
        var stack = new Stack<(FileDescriptor Directory, DirectoryReader Reader)>();
        Enter(root.File.Number, "."u8);
        try
        {
            while (inodes <= mostInodes && blocks * 512 <= mostBytes && stack.TryPeek(out var top))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!top.Reader.MoveNext())
                {
                    stack.Pop();
                    top.Reader.Dispose();
                    top.Directory.Dispose();
                    continue;
                }
                var name = top.Reader.Name;
                if (AttributeCalls.TryStat(top.Directory.Number, name, out var status) != Errno.None)
                    continue; // gone meanwhile
                if (status.IsMountRoot)
                    continue;
                if (status is { LinkCount: > 1, IsDirectory: false } && !seen.Add((status.Device, status.Inode)))
                    continue;
                blocks += status.Blocks;
                inodes++;
                if (status.IsDirectory)
                    Enter(top.Directory.Number, name);
            }
        }
        finally
        {
            foreach (var (directory, reader) in stack)
            {
                reader.Dispose();
                directory.Dispose();
            }
        }
        return new Usage(blocks * 512, inodes);

        void Enter(int directory, ReadOnlySpan<byte> name)
        {
            var errno = FileCalls.TryOpenAt(directory, name, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var opened);
            if (errno == Errno.None)
                stack.Push((opened!, new DirectoryReader(opened!)));
            else if (errno is not (Errno.ENOENT or Errno.ENOTDIR))
                throw new LinuxException(errno, "openat", EntryPath.Display(name));
        }
    }
}
