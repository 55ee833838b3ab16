using Strata.Linux;

namespace Strata.Testing;

/// <summary>A file system of its own, in an image that is mounted by a loop device; or a tmpfs. Gone when it is disposed.</summary>
public sealed class LoopFileSystem : IDisposable
{
    private const string SizeText = "640M";
    private readonly string _directory;

    private LoopFileSystem(string type, string directory)
    {
        Type = type;
        _directory = directory;
        Root = Path.Combine(directory, "mnt");
    }

    /// <summary>ext4, xfs, btrfs or tmpfs.</summary>
    public string Type { get; }

    /// <summary>Where it is mounted.</summary>
    public string Root { get; }

    private string Image => Path.Combine(_directory, "image");

    /// <summary>Makes and mounts one. Needs root and the mkfs program of the type.</summary>
    public static LoopFileSystem Create(string type)
    {
        var made = new LoopFileSystem(type, Directory.CreateTempSubdirectory("strata-" + type + "-").FullName);
        try
        {
            // Reachable for those tests that run as somebody else.
            File.SetUnixFileMode(made._directory, (UnixFileMode)0x1ED);
            Directory.CreateDirectory(made.Root);
            if (type == "tmpfs")
            {
                Commands.Run("mount", "-t", "tmpfs", "-o", "size=" + SizeText, "tmpfs", made.Root);
                return made;
            }
            Commands.Run("truncate", "-s", SizeText, made.Image);
            Commands.Run("mkfs." + type, type switch
            {
                "ext4" => ["-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-N", "200000", made.Image],
                "xfs" => ["-q", made.Image],
                "btrfs" => ["-q", made.Image],
                _ => throw new ArgumentException($"no file system of the type {type} is known", nameof(type)),
            });
            Commands.Run("mount", "-o", "loop", made.Image, made.Root);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>A new, empty directory on it, reachable for everybody.</summary>
    public string NewDirectory()
    {
        string path = Path.Combine(Root, Guid.NewGuid().ToString("N")[..12]);
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>Unmounts what tests left on it, itself, and lets the loop device go.</summary>
    public void Dispose()
    {
        // What lies on top comes last in the table.
        foreach (string point in Mounts.AtOrBelow(Root).Reverse())
            MountCalls.TryUnmount(point, lazy: true);
        if (File.Exists(Image))
        {
            // mount -o loop detaches by itself at the last unmount; a mount that failed may have left the device.
            foreach (string line in Commands.TryRun("losetup", "-j", Image).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Commands.TryRun("losetup", "-d", line.Split(':')[0]);
        }
        if (Mounts.AtOrBelow(Root).Count == 0)
            Directory.Delete(_directory, recursive: true);
    }
}
