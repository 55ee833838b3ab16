using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>A directory in which something is built before it is renamed to its place; a lock tells that its builder lives.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly FileLock _lock;

    private TemporaryDirectory(string path, FileLock locked)
    {
        Path = path;
        _lock = locked;
    }

    internal string Path { get; }

    private string LockPath => Path + ".lock";

    /// <summary>Makes one below a directory, which is made too.</summary>
    internal static TemporaryDirectory Create(string parent)
    {
        Directory.CreateDirectory(parent, Private);
        string path = System.IO.Path.Combine(parent, LayerId.New().ToString());
        var locked = FileLock.Acquire(path + ".lock");
        Directory.CreateDirectory(path, Private);
        return new TemporaryDirectory(path, locked);
    }

    /// <summary>Removes what builders that died left below a directory.</summary>
    internal static void Sweep(string parent)
    {
        if (!Directory.Exists(parent))
            return;
        foreach (string lockPath in Directory.EnumerateFiles(parent, "*.lock"))
        {
            using var locked = FileLock.TryAcquire(lockPath);
            if (locked is null)
                continue;
            TreeRemover.Remove(lockPath[..^".lock".Length]);
            File.Delete(lockPath);
        }
    }

    /// <summary>Removes what was not renamed away.</summary>
    public void Dispose()
    {
        TreeRemover.Remove(Path);
        File.Delete(LockPath);
        _lock.Dispose();
    }
}
