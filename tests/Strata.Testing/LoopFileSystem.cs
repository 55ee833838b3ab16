using Strata.Linux;

namespace Strata.Testing;

/// <summary>A file system of its own, in an image that is mounted by a loop device; or a tmpfs. Gone when it is disposed.</summary>
/// <remarks>The image lies in memory where there is plenty: what is synced is synced to the loop device all the same, and nobody waits for a disk.</remarks>
public sealed class LoopFileSystem : IDisposable
{
    private const string SizeText = "640M";
    private const string Memory = "/dev/shm";
    private readonly string _directory;
    private readonly string _image;

    private LoopFileSystem(string type, string directory)
    {
        Type = type;
        _directory = directory;
        Root = Path.Combine(directory, "mnt");
        _image = MemoryIsPlenty() ? Path.Combine(Memory, Path.GetFileName(directory) + ".image") : Path.Combine(directory, "image");
    }

    /// <summary>ext4, xfs, btrfs or tmpfs.</summary>
    public string Type { get; }

    /// <summary>Where it is mounted.</summary>
    public string Root { get; }

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
            Commands.Run("truncate", "-s", SizeText, made._image);
            Commands.Run("mkfs." + type, type switch
            {
                "ext4" => ["-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-N", "200000", made._image],
                "xfs" => ["-q", made._image],
                "btrfs" => ["-q", made._image],
                _ => throw new ArgumentException($"no file system of the type {type} is known", nameof(type)),
            });
            Commands.Run("mount", "-o", "loop", made._image, made.Root);
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
        if (File.Exists(_image))
        {
            // mount -o loop detaches by itself at the last unmount; a mount that failed may have left the device.
            foreach (string line in Commands.TryRun("losetup", "-j", _image).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Commands.TryRun("losetup", "-d", line.Split(':')[0]);
        }
        if (Mounts.AtOrBelow(Root).Count > 0)
            return;
        File.Delete(_image);
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Room for a handful of images, there and in memory.</summary>
    private static bool MemoryIsPlenty()
    {
        const long plenty = 6L << 30;
        if (!Directory.Exists(Memory) || new DriveInfo(Memory).AvailableFreeSpace < plenty)
            return false;
        string available = File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return long.Parse(available.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) << 10 > plenty;
    }
}
