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
                ProtoDriver.MakeDirectory(parent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                continue;
            }
            if (errno == Errno.ENOTDIR)
                ProtoDriver.MakeDirectory(parent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute); // tells what is there instead
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

    /// <summary>The directories that builders left who died.</summary>
    internal static IReadOnlyList<string> FindAbandoned(string parent) => Find(parent, abandoned: true);

    /// <summary>True if somebody builds something now.</summary>
    internal static bool AnyAlive(string parent) => Find(parent, abandoned: false).Count > 0;

    /// <summary>Removes one of them; false: its builder lives.</summary>
    internal static bool SweepOne(string path, Action<string> remove)
    {
        using var locked = Directory.Exists(path) ? FileLock.TryAcquireDirectory(path) : null;
        if (locked is null)
            return false;
        remove(path);
        return true;
    }

    /// <summary>Removes what was not renamed away.</summary>
    public void Dispose()
    {
        try
        {
            if (Directory.Exists(Path))
                _remove(Path);
        }
        catch (StrataException)
        {
            return; // it is what failed first that must be told, or nothing failed but this: a sweep finds what is left, its lock free
        }
        finally
        {
            _lock.Dispose();
        }
    }

    private static List<string> Find(string parent, bool abandoned)
    {
        var found = new List<string>();
        if (!Directory.Exists(parent))
            return found;
        foreach (string path in Directory.GetDirectories(parent))
        {
            using var locked = FileLock.TryAcquireDirectory(path);
            if (locked is not null == abandoned)
                found.Add(path);
        }
        return found;
    }
}
