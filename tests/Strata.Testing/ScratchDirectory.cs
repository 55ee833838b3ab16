namespace Strata.Testing;

/// <summary>A directory of a test's own, below the temporary directory; removed with all in it, mounts in it taken down, on disposal.</summary>
public sealed class ScratchDirectory : IDisposable
{
    /// <summary>Makes one.</summary>
    public ScratchDirectory() => Path = Directory.CreateTempSubdirectory("strata-test-").FullName;

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>A path below it.</summary>
    public string this[string below] => System.IO.Path.Combine(Path, below);

    /// <summary>Makes a directory below it and returns its path.</summary>
    public string Make(string below) => Directory.CreateDirectory(this[below]).FullName;

    /// <summary>Mounts a tmpfs at a new directory below it and returns its path; needs root.</summary>
    /// <param name="below">The directory.</param>
    /// <param name="options">For instance <c>size=1m</c> or <c>nr_inodes=20</c>.</param>
    public string MountTmpfs(string below, string options)
    {
        string path = Make(below);
        Commands.Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path);
        return path;
    }

    /// <summary>Makes a file system in a sparse file and mounts it at a new directory below this one; needs root and loop devices.</summary>
    /// <param name="below">The directory.</param>
    /// <param name="type"><c>ext4</c>, <c>xfs</c> or <c>btrfs</c>.</param>
    /// <param name="sizeMegabytes">The file system's size.</param>
    public string MountLoop(string below, string type, int sizeMegabytes)
    {
        string image = this[below + ".img"];
        using (var file = File.Create(image))
            file.SetLength((long)sizeMegabytes << 20);
        string[] quiet = type == "ext4" ? ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"] : type == "xfs" ? ["-q", "-f"] : ["-q", "-f"];
        Commands.Run("mkfs." + type, [.. quiet, image]);
        string path = Make(below);
        Commands.Run("mount", "-o", "loop", image, path);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using var closing = new Closing();
        foreach (string point in Mounts.AtOrBelow(Path).Reverse())
            closing.Do(() => Commands.Unmount(point));
        closing.Do(() => Commands.Run("rm", "-rf", "--one-file-system", Path));
    }
}
