using Strata.Linux;

namespace Strata.Drivers;

/// <summary>Counts the users of each layer's mount, across threads and processes, and performs the mount for the first and the unmount for the last.</summary>
/// <remarks>
/// The count is the size of a file for each layer, guarded by a lock on it: a size changes whole or not at all, and no data wait to be written when
/// overlayfs syncs the file system at the unmount. What is really mounted decides: nothing there means that the count is 0,
/// whatever the file says (the machine was restarted); something there without a count means 1 (somebody mounted it before us). So a process
/// that restarts finds its mounts again, and none is made twice.
/// </remarks>
public sealed class MountCounter
{
    private readonly string _directory;

    /// <summary>Counts in a directory, made when it is needed.</summary>
    public MountCounter(string directory) => _directory = directory;

    /// <summary>One more user; the first one mounts.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="point">Where it is mounted.</param>
    /// <param name="mount">Mounts it; called under the layer's lock.</param>
    public void Acquire(LayerId id, string point, Action mount)
    {
        using var counted = Open(id);
        int count = Current(counted, point);
        // Before the mount: a count of what is not mounted is none, but a mount that could not be counted would be one of nobody.
        Write(counted, count + 1);
        if (count > 0)
            return;
        try
        {
            mount();
        }
        catch
        {
            Write(counted, 0); // ftruncate(2) to nothing, which needs no room
            throw;
        }
    }

    /// <summary>One user less; the last one unmounts. Without a user it does nothing.</summary>
    public void Release(LayerId id, string point, Action unmount)
    {
        if (!File.Exists(PathOf(id)) && !IsMounted(point))
            return;
        using var counted = Open(id);
        int count = Current(counted, point);
        if (count == 0)
            return;
        if (count == 1)
            unmount();
        Write(counted, count - 1);
    }

    /// <summary>Runs something while nobody can mount the layer, if nobody has it mounted; false: somebody has.</summary>
    public bool IfUnused(LayerId id, string point, Action action)
    {
        // No inode is left for the count: then nobody can begin to be counted either, and removing is what makes room.
        var counted = LockedFile.OpenIfRoom(_directory, id.ToString());
        using (counted)
        {
            if (counted is null ? IsMounted(point) : Current(counted, point) > 0)
                return false;
            action();
            counted?.Delete();
        }
        return true;
    }

    /// <summary>Does something while nobody begins or ends to use the layer's mount.</summary>
    /// <param name="id">The layer, or an ID that is none.</param>
    /// <param name="point">Where it is mounted.</param>
    /// <param name="action">Told whether somebody uses it.</param>
    public void WhileStill(LayerId id, string point, Action<bool> action)
    {
        using var counted = Open(id);
        bool used = Current(counted, point) > 0;
        action(used);
        if (!used)
            counted.Delete();
    }

    /// <summary>How many users a layer's mount has.</summary>
    public int CountOf(LayerId id, string point)
    {
        if (!File.Exists(PathOf(id)))
            return IsMounted(point) ? 1 : 0;
        using var counted = Open(id);
        return Current(counted, point);
    }

    /// <summary>True if a layer is mounted, or somebody is mounting or unmounting it just now. Never waits.</summary>
    public bool IsInUse(LayerId id, string point)
    {
        using var counted = LockedFile.TryOpen(PathOf(id), out bool locked);
        return locked || IsMounted(point);
    }

    /// <summary>Forgets the users of a mount that was taken down by force.</summary>
    public void Reset(LayerId id)
    {
        if (!File.Exists(PathOf(id)))
            return;
        using var counted = Open(id);
        Write(counted, 0);
    }

    /// <summary>True if somebody is told to use a layer's mount, or is mounting or unmounting it just now. Never waits.</summary>
    internal bool IsCounted(LayerId id)
    {
        using var counted = LockedFile.TryOpen(PathOf(id), out bool locked);
        return locked || (counted is not null && counted.SizeBytes > 0);
    }

    /// <summary>Does something with a mount that nobody counts, under its lock; false: somebody does.</summary>
    internal bool IfUncounted(LayerId id, Action action)
    {
        using var counted = Open(id);
        if (counted.SizeBytes > 0)
            return false;
        action();
        counted.Delete();
        return true;
    }

    /// <summary>The counts that count nothing: of users of a mount that is not there, or of a layer that is gone.</summary>
    /// <param name="pointOf">Where a layer is mounted; null: there is no such layer.</param>
    internal IReadOnlyList<LayerId> FindStale(Func<LayerId, string?> pointOf)
    {
        if (!Directory.Exists(_directory))
            return [];
        var stale = new List<LayerId>();
        foreach (string path in Directory.GetFiles(_directory))
        {
            if (!LayerId.TryParse(Path.GetFileName(path), out var id))
                continue;
            using var counted = LockedFile.TryOpen(path, out _);
            if (counted is not null && IsStale(counted, pointOf(id)))
                stale.Add(id);
        }
        return stale;
    }

    /// <summary>Removes a count that <see cref="FindStale"/> found, if it still counts nothing and nobody has it.</summary>
    internal bool ForgetIfStale(LayerId id, Func<LayerId, string?> pointOf)
    {
        using var counted = LockedFile.TryOpen(PathOf(id), out _);
        if (counted is null || !IsStale(counted, pointOf(id)))
            return false;
        counted.Delete();
        return true;
    }

    private static bool IsStale(LockedFile counted, string? point) => point is null || (counted.SizeBytes > 0 && !IsMounted(point));

    internal string PathOf(LayerId id) => Path.Combine(_directory, id.ToString());

    private LockedFile Open(LayerId id) => LockedFile.Open(_directory, id.ToString());

    private static int Current(LockedFile file, string point)
    {
        bool mounted = IsMounted(point);
        return !mounted ? 0 : (int)Math.Clamp(file.SizeBytes, 1, int.MaxValue);
    }

    private static void Write(LockedFile file, int count) => file.SizeBytes = count;

    private static bool IsMounted(string point) => MountPoints.Is(point);
}
