using System.Globalization;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Quotas;

/// <summary>Writable layers that lie each in a file system of its own: a sparse file as large as the layer may become, mounted by a loop device.</summary>
/// <remarks>
/// <code>
/// ID/backing.img               the file system, ext4, or xfs where there is no mkfs.ext4
/// ID/backing/                  where it is mounted while somebody needs it; below it, unmounted, empty diff and work
/// ID/diff -> backing/diff      so that the layer's paths are those of every other one
/// ID/work -> backing/work
/// ID/.backing.lock             held by whoever mounts, unmounts, or reads without an overlay
/// </code>
/// <para>
/// The file system must never be mounted by two loop devices at once: so it is mounted and unmounted under the lock only, and a device that a program
/// which died left is used again. Whoever reads a layer holds the lock for so long, and unmounts afterwards unless the layer is mounted by Get.
/// Order of locks: the layer's count, then this one.
/// </para>
/// </remarks>
/// <param name="directoryOf">A layer's own directory.</param>
/// <param name="whileStill">Does something while nobody can Get or Put a layer, told whether it is mounted.</param>
internal sealed class LoopImages(Func<LayerId, string> directoryOf, Action<LayerId, Action<bool>> whileStill)
{
    private const long LeastExtBytes = 16 << 20;
    private const long LeastXfsBytes = 300 << 20;
    private const long BlockBytes = 4096;
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>True if a layer lies in such a file system.</summary>
    internal bool Has(LayerId id) => File.Exists(ImageIn(directoryOf(id)));

    /// <summary>The file that holds a layer's file system.</summary>
    internal string ImageOf(LayerId id) => ImageIn(directoryOf(id));

    /// <summary>Why no layer can be made so here, and what would mend it; null: it can.</summary>
    internal static string? ReasonAgainst()
    {
        if (!ProcessCalls.CanMount)
            return "mounting a loop device needs root (CAP_SYS_ADMIN)";
        if (!ProcessCalls.IsInitialNamespace)
            return "the kernel mounts no loop device inside a user namespace";
        if (!File.Exists("/dev/loop-control"))
            return "there is no /dev/loop-control. Load the module (modprobe loop), or give this container the device";
        return MakerOf() is null ? "there is neither mkfs.ext4 nor mkfs.xfs. Install e2fsprogs or xfsprogs" : null;
    }

    /// <summary>Makes the file system of a layer that is being made, with empty <c>diff</c> and <c>work</c>, and mounts it: <see cref="Unmount"/> it before its directory is moved.</summary>
    /// <param name="directory">The directory that will be the layer's.</param>
    /// <param name="limits">How large.</param>
    internal static void Make(string directory, StorageLimits limits)
    {
        if (ReasonAgainst() is { } why)
            throw StrataException.NotSupported($"Can't make an image for a layer: {why}.");
        string type = MakerOf()!;
        long least = type == "ext4" ? LeastExtBytes : LeastXfsBytes;
        if (limits.SizeBytes < least)
            throw StrataException.InvalidArgument($"A layer in an image of its own ({type}) needs a size of at least {least >> 20}m, not {limits.SizeBytes} bytes.");
        string image = ImageIn(directory);
        using (var file = FileCalls.Open(image, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x180))
            Check(FileCalls.TryTruncate(file.Number, limits.SizeBytes / BlockBytes * BlockBytes), "ftruncate", image);
        string[] inodes = limits.Inodes == 0 ? [] : ["-N", Math.Max(limits.Inodes, 16).ToString(CultureInfo.InvariantCulture)];
        var made = type == "ext4"
            ? ExternalProgram.Run("mkfs.ext4", ["-q", "-F", "-b", "4096", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", .. inodes, image])
            : ExternalProgram.Run("mkfs.xfs", "-q", "-K", image);
        if (!made.Ok)
            throw new StrataException(made.Error.Contains("No space", StringComparison.Ordinal) ? ErrorKind.Exhausted : ErrorKind.Unknown, $"mkfs.{type} {image} failed ({made.ExitCode}): {made.Error}");
        foreach (string name in new[] { "diff", "work" })
        {
            Directory.CreateDirectory(Path.Combine(PointIn(directory), name), Private); // below the mount: what the layer's paths lead to while it is not there
            File.CreateSymbolicLink(Path.Combine(directory, name), Path.Combine("backing", name));
        }
        Mount(directory);
        try
        {
            foreach (string name in new[] { "diff", "work" })
                Directory.CreateDirectory(Path.Combine(PointIn(directory), name), Private);
        }
        catch
        {
            Mounter.Unmount(PointIn(directory), lazy: true);
            throw;
        }
    }

    /// <summary>Unmounts what <see cref="Make"/> mounted.</summary>
    internal static void Unmount(string directory) => Mounter.Unmount(PointIn(directory));

    /// <summary>Unmounts the file system of a layer that was never finished, if it is mounted.</summary>
    internal static void UnmountIn(string directory)
    {
        while (MountPoints.Is(PointIn(directory)) && Mounter.Unmount(PointIn(directory), lazy: true))
        {
            // one may lie over another
        }
    }

    /// <summary>Mounts a layer's file system, if it has one, for an overlay on it. Called under the layer's lock.</summary>
    internal void BeforeMount(LayerId id)
    {
        if (!Has(id))
            return;
        using var locked = FileLock.Acquire(LockOf(id));
        if (!MountPoints.Is(PointIn(directoryOf(id))))
            Mount(directoryOf(id));
    }

    /// <summary>Unmounts a layer's file system, unless somebody reads in it: who does so, will. Called under the layer's lock, the overlay gone.</summary>
    internal void AfterUnmount(LayerId id)
    {
        if (!Has(id))
            return;
        using var locked = FileLock.TryAcquire(LockOf(id));
        if (locked is not null)
            Unmount(directoryOf(id));
    }

    /// <summary>Holds a layer's file system mounted to read in it; null: it has none. Not from inside another one on the same layer, nor under its lock.</summary>
    internal IDisposable? Use(LayerId id)
    {
        if (!Has(id))
            return null;
        var locked = FileLock.Acquire(LockOf(id));
        try
        {
            if (!MountPoints.Is(PointIn(directoryOf(id))))
                Mount(directoryOf(id));
            return new Reader(this, id, locked);
        }
        catch
        {
            locked.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="Use"/>, of several layers; those without are passed over.</summary>
    internal IReadOnlyList<IDisposable> UseAll(params IEnumerable<LayerId?> layers)
    {
        var held = new List<IDisposable>();
        try
        {
            // In one order everywhere: two that hold the same two layers must not wait for each other.
            foreach (var id in layers.OfType<LayerId>().Distinct().OrderBy(id => id.ToString(), StringComparer.Ordinal))
            {
                if (Use(id) is { } one)
                    held.Add(one);
            }
            return held;
        }
        catch
        {
            held.ForEach(one => one.Dispose());
            throw;
        }
    }

    /// <summary>Unmounts the file system of a layer that is about to be removed. Called under the layer's lock.</summary>
    internal void BeforeRemove(LayerId id)
    {
        if (!Has(id))
            return;
        using var locked = FileLock.Acquire(LockOf(id));
        Unmount(directoryOf(id));
    }

    /// <summary>Unmounts what nobody uses: programs that died left it.</summary>
    internal void Sweep(IEnumerable<LayerId> layers)
    {
        foreach (var id in layers)
        {
            if (Has(id) && MountPoints.Is(PointIn(directoryOf(id))))
                Release(id);
        }
    }

    /// <summary>The layer whose file system a mount point is for; null: it is none.</summary>
    internal LayerId? OwnerOf(string point) =>
        Path.GetFileName(point) == "backing" && LayerId.TryParse(Path.GetFileName(Path.GetDirectoryName(point)) ?? "", out var id) && PointIn(directoryOf(id)) == point ? id : null;

    /// <summary>A layer in an image can't lie below others: their mounts would have to hold it.</summary>
    internal void RefuseAsParent(LayerId id)
    {
        if (Has(id))
            throw StrataException.FailedPrecondition($"Nothing can be made on layer {id}, which lies in an image of its own ({ImageOf(id)}). Commit it, and make the layer on what was committed.");
    }

    /// <summary>Mounts of a layer in an image are not handed out: nobody would know when it is to be unmounted.</summary>
    internal void RefuseElsewhere(LayerId id)
    {
        if (Has(id))
            throw StrataException.NotSupported($"Layer {id} lies in an image of its own ({ImageOf(id)}), which is mounted for 'strata mount' alone, not for mounts that others perform.");
    }

    /// <summary>True if somebody mounts, unmounts or reads a layer's file system just now. Never waits.</summary>
    internal bool IsBusy(LayerId id)
    {
        using var locked = FileLock.TryAcquire(LockOf(id));
        return locked is null;
    }

    private void Release(LayerId id) => whileStill(id, mounted =>
    {
        if (!mounted)
            AfterUnmount(id);
    });

    private string LockOf(LayerId id) => Path.Combine(directoryOf(id), ".backing.lock");

    private static string ImageIn(string directory) => Path.Combine(directory, "backing.img");

    private static string PointIn(string directory) => Path.Combine(directory, "backing");

    private static string? MakerOf() => ExternalProgram.Find("mkfs.ext4") is not null ? "ext4" : ExternalProgram.Find("mkfs.xfs") is not null ? "xfs" : null;

    private static void Mount(string directory)
    {
        string image = ImageIn(directory);
        using var device = LoopDevice.FindOrAttachWritable(image);
        Mounter.Mount([new Mount(TypeOf(image), device.Path, "", ["discard"])], PointIn(directory)); // what is freed in it is freed around it
    }

    private static string TypeOf(string image)
    {
        Span<byte> start = stackalloc byte[4];
        using var file = FileCalls.Open(image, OpenFlags.ReadOnly);
        return FileCalls.ReadAt(file, start, 0) == 4 && start.SequenceEqual("XFSB"u8) ? "xfs" : "ext4";
    }

    private static void Check(Errno errno, string call, string path)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, path);
    }

    private sealed class Reader(LoopImages images, LayerId id, FileLock locked) : IDisposable
    {
        private bool _done;

        public void Dispose()
        {
            if (_done)
                return;
            _done = true;
            locked.Dispose();
            images.Release(id);
        }
    }
}
