using System.Text;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>A directory in which something is built before it is renamed to its place; a lock on it tells that its builder lives.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    private const int Mode = 0x1C0; // 0700
    private readonly FileLock _lock;
    private readonly Action<string> _remove;

    private TemporaryDirectory(string path, FileLock locked, Action<string> remove)
    {
        Path = path;
        _lock = locked;
        _remove = remove;
    }

    internal string Path { get; }

    /// <summary>Makes one below a directory, which is made too.</summary>
    /// <param name="parent">The directory.</param>
    /// <param name="remove">Removes one and all in it, if that takes more than removing files.</param>
    internal static TemporaryDirectory Create(string parent, Action<string>? remove = null)
    {
        while (true)
        {
            string path = System.IO.Path.Combine(parent, LayerId.New().ToString());
            var errno = NameCalls.TryMakeDirectory(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path), Mode);
            if (errno == Errno.ENOENT)
            {
                Directory.CreateDirectory(parent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                continue;
            }
            if (errno != Errno.None)
                throw new LinuxException(errno, "mkdir", path);
            // Null: a sweep found it between its making and its locking, took it for abandoned, and deleted it.
            if (FileLock.TryAcquireDirectory(path) is { } locked)
                return new TemporaryDirectory(path, locked, remove ?? TreeRemover.Remove);
        }
    }

    /// <summary>Removes what builders that died left below a directory.</summary>
    internal static void Sweep(string parent, Action<string>? remove = null)
    {
        if (!Directory.Exists(parent))
            return;
        foreach (string path in Directory.EnumerateDirectories(parent))
        {
            // Null: its builder lives, or it was renamed to its place meanwhile.
            using var locked = FileLock.TryAcquireDirectory(path);
            if (locked is not null)
                (remove ?? TreeRemover.Remove)(path);
        }
    }

    /// <summary>Removes what was not renamed away.</summary>
    public void Dispose()
    {
        _remove(Path);
        _lock.Dispose();
    }
}
