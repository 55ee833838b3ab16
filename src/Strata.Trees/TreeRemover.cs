using System.Globalization;
using System.Text;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Removes trees: with directory descriptors, through no symbolic link, however deep they are.</summary>
public static class TreeRemover
{
    private const int MaxOpenDirectories = 128;
    private static long _movedUp;

    /// <summary>Removes a path of text and all below it; nothing there is no error.</summary>
    public static void Remove(string path) => Remove(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path));

    /// <summary>Removes a name in a directory and all below it; nothing there is no error.</summary>
    public static void Remove(int directory, ReadOnlySpan<byte> name)
    {
        var errno = NameCalls.TryUnlink(directory, name);
        if (errno is Errno.None or Errno.ENOENT)
            return;
        if (errno is not (Errno.EISDIR or Errno.EPERM or Errno.EACCES))
            throw new LinuxException(errno, "unlinkat", EntryPath.Display(name));
        errno = NameCalls.TryRemoveDirectory(directory, name);
        if (errno is Errno.None or Errno.ENOENT)
            return;
        if (errno != Errno.ENOTEMPTY && errno != Errno.EEXIST)
            throw new LinuxException(errno, "rmdir", EntryPath.Display(name));
        using (var root = Find(directory, name))
        {
            if (root is null)
                return;
            Empty(root);
        }
        errno = NameCalls.TryRemoveDirectory(directory, name);
        if (errno != Errno.None && errno != Errno.ENOENT)
            throw new LinuxException(errno, "rmdir", EntryPath.Display(name));
    }

    private static FileDescriptor Open(int directory, ReadOnlySpan<byte> name) =>
        Find(directory, name) ?? throw new LinuxException(Errno.ENOENT, "openat", EntryPath.Display(name));

    /// <summary>Opens a directory; null: somebody else removed it.</summary>
    private static FileDescriptor? Find(int directory, ReadOnlySpan<byte> name)
    {
        int flags = OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow;
        var errno = FileCalls.TryOpenAt(directory, name, flags, 0, out var opened);
        if (errno == Errno.EACCES && AttributeCalls.TryChmodAt(directory, name, 0x1C0) == Errno.None)
            errno = FileCalls.TryOpenAt(directory, name, flags, 0, out opened); // one's own directory, without the right to read it
        return errno is Errno.None or Errno.ENOENT ? opened : throw new LinuxException(errno, "openat", EntryPath.Display(name));
    }

    /// <summary>Removes all in a directory. Subtrees that lie too deep to hold every directory open are first moved up to it.</summary>
    private static void Empty(FileDescriptor root)
    {
        while (!TryEmpty(root))
        {
        }
    }

    /// <summary>One pass; false: subtrees were moved up, so that another is needed.</summary>
    private static bool TryEmpty(FileDescriptor root)
    {
        bool moved = false;
        // Its own description: each pass reads the directory from its start.
        var start = Open(root.Number, "."u8);
        var stack = new Stack<(FileDescriptor Directory, byte[] Name, DirectoryReader Reader)>();
        stack.Push((start, [], new DirectoryReader(start)));
        try
        {
            while (stack.TryPeek(out var top))
            {
                if (!top.Reader.MoveNext())
                {
                    stack.Pop();
                    top.Reader.Dispose();
                    top.Directory.Dispose();
                    if (stack.Count == 0)
                        break;
                    var errno = NameCalls.TryRemoveDirectory(stack.Peek().Directory.Number, top.Name);
                    if (errno is not (Errno.None or Errno.ENOENT))
                        throw new LinuxException(errno, "rmdir", EntryPath.Display(top.Name));
                    continue;
                }
                var name = top.Reader.Name;
                if (top.Reader.Type != NameCalls.TypeDirectory)
                {
                    var errno = NameCalls.TryUnlink(top.Directory.Number, name);
                    if (errno is Errno.None or Errno.ENOENT)
                        continue;
                    if (errno is not (Errno.EISDIR or Errno.EPERM))
                        throw new LinuxException(errno, "unlinkat", EntryPath.Display(name));
                }
                if (stack.Count >= MaxOpenDirectories)
                {
                    byte[] up = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $".strata-deep-{Environment.ProcessId}-{Interlocked.Increment(ref _movedUp)}"));
                    moved = true;
                    var errno = NameCalls.TryRename(top.Directory.Number, name, root.Number, up);
                    if (errno != Errno.None)
                        throw new LinuxException(errno, "renameat2", EntryPath.Display(name));
                    continue;
                }
                byte[] kept = name.ToArray();
                var child = Find(top.Directory.Number, kept);
                if (child is null)
                    continue;
                stack.Push((child, kept, new DirectoryReader(child)));
            }
        }
        finally
        {
            foreach (var (directory, _, reader) in stack)
            {
                reader.Dispose();
                directory.Dispose();
            }
        }
        return !moved;
    }
}
