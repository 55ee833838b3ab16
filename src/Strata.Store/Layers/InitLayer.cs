using Strata.Trees;

namespace Strata.Store;

/// <summary>What container runtimes expect to find in a root file system: places that they mount something on.</summary>
public static class InitLayer
{
    private const int DirectoryMode = 0x1ED; // 0755
    private static readonly string[] _directories = ["dev", "dev/pts", "dev/shm", "proc", "sys"];
    private static readonly string[] _files = [".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

    /// <summary>Makes what Docker makes in its init layers, where it is missing. Nothing that is there is touched.</summary>
    /// <param name="root">The path of a mounted root file system, which may be hostile: nothing outside of it is made.</param>
    public static void Standard(string root)
    {
        using var directory = RootDirectory.Open(root);
        foreach (string path in _directories)
            Places.EnsureDirectory(directory, EntryPath.Of(path), DirectoryMode);
        foreach (string path in _files)
            Places.EnsureFile(directory, EntryPath.Of(path), DirectoryMode, DirectoryMode);
        Places.EnsureSymlink(directory, EntryPath.Of("etc/mtab"), "/proc/mounts"u8.ToArray(), DirectoryMode);
    }
}
