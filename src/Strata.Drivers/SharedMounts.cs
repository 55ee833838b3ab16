using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>Mounts that several layers' overlays lie on, each made once: the first user mounts, the last one unmounts; threads and processes alike.</summary>
/// <remarks>
/// <para>
/// A user is a layer, named by its ID, and uses a mount or does not: acquiring twice is acquiring once. The users of a mount stand in a file,
/// a line each, guarded by a lock on it. What is really mounted decides: where nothing is, there are no users, whatever the file says (the
/// machine was restarted, or a process ended between writing and mounting). A user that ended without releasing is found by
/// <see cref="Sweep"/>, which asks whether it is alive.
/// </para>
/// <para>
/// Unmounting here never disturbs an overlay: overlayfs holds its lower directories by private copies of their mounts. It only means that the
/// next one to acquire makes a new file system instance, whose pages are read from disk again. So every doubt is decided for unmounting, and
/// the mount point is removed with the mount: who comes too late finds no directory, not an empty one.
/// </para>
/// <example><code>
/// string lower = shared.Acquire(parent, id, point => Mounter.Mount([erofs], point)); // under the lock of the count of id
/// Mounter.Mount([OverlayOver(lower)], merged);
/// …
/// Mounter.Unmount(merged);
/// shared.Release(parent, id);
/// </code></example>
/// </remarks>
public sealed class SharedMounts
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly string _directory;
    private readonly string _users;

    /// <summary>Mounts below a directory, which is made when it is needed; its name <c>.users</c> is taken.</summary>
    public SharedMounts(string directory)
    {
        _directory = directory;
        _users = Path.Combine(directory, ".users");
    }

    /// <summary>Where a layer is mounted, if it is.</summary>
    public string PointOf(LayerId shared) => Path.Combine(_directory, shared.ToString());

    /// <summary>One more user of a layer's mount; the first one mounts.</summary>
    /// <param name="shared">The layer that is mounted.</param>
    /// <param name="user">Who uses it. <see cref="Sweep"/> must be able to see that it is alive from now on.</param>
    /// <param name="mount">Mounts it at the directory that it is given, which is there; called under the layer's lock. After its failure there is no user more.</param>
    /// <returns>Where it is mounted.</returns>
    public string Acquire(LayerId shared, LayerId user, Action<string> mount)
    {
        string point = PointOf(shared);
        using var file = LockedFile.Open(_users, shared.ToString());
        bool mounted = MountPoints.Is(point);
        var users = mounted ? Read(file) : [];
        if (!mounted)
            file.WriteText(""); // left by a life before
        if (!users.Contains(user))
            file.AppendText(user + "\n"); // before the mount: one user too many is swept, one too few would not be seen
        if (mounted)
            return point;
        try
        {
            Directory.CreateDirectory(point, Private);
            mount(point);
        }
        catch
        {
            Forget(shared, file);
            throw;
        }
        return point;
    }

    /// <summary>One user less; the last one unmounts. Who is no user is ignored.</summary>
    public void Release(LayerId shared, LayerId user) => Keep(shared, other => other != user);

    /// <summary>The users of a layer's mount; empty: it is not mounted, or nobody knows what for.</summary>
    public IReadOnlyList<LayerId> UsersOf(LayerId shared)
    {
        if (!MountPoints.Is(PointOf(shared)))
            return [];
        using var file = LockedFile.Open(_users, shared.ToString());
        return MountPoints.Is(PointOf(shared)) ? Read(file) : [];
    }

    /// <summary>Unmounts what only users have that ended without releasing it, and forgets these.</summary>
    /// <param name="isAlive">
    /// True if a user's overlay is mounted or is being mounted; called under the lock of the shared mount, so it must not wait:
    /// <see cref="MountCounter.IsInUse"/>.
    /// </param>
    /// <returns>How many were unmounted.</returns>
    public int Sweep(Func<LayerId, bool> isAlive)
    {
        int unmounted = 0;
        foreach (var shared in Names(_users).Union(Names(_directory)))
            unmounted += Keep(shared, isAlive) ? 1 : 0;
        return unmounted;
    }

    /// <summary>Unmounts a layer and does something while nobody can acquire it, if it has no user that is alive; false: it has one.</summary>
    /// <param name="shared">The layer that is mounted, or not.</param>
    /// <param name="isAlive">As for <see cref="Sweep"/>.</param>
    /// <param name="action">For instance: removes the files that are mounted.</param>
    public bool IfUnused(LayerId shared, Func<LayerId, bool> isAlive, Action action)
    {
        using var file = LockedFile.OpenIfRoom(_users, shared.ToString()); // null: then nobody can acquire it either, and removing makes room
        if (file is not null && MountPoints.Is(PointOf(shared)) && Read(file).Any(isAlive))
            return false;
        Forget(shared, file);
        action();
        return true;
    }

    private static IEnumerable<LayerId> Names(string directory)
    {
        if (!Directory.Exists(directory))
            yield break;
        foreach (string path in Directory.GetFileSystemEntries(directory))
        {
            if (LayerId.TryParse(Path.GetFileName(path), out var id))
                yield return id;
        }
    }

    private static List<LayerId> Read(LockedFile file)
    {
        var users = new List<LayerId>();
        foreach (string line in file.ReadText().Split('\n'))
        {
            if (LayerId.TryParse(line, out var user)) // a line that a crash cut off is nobody's
                users.Add(user);
        }
        return users;
    }

    /// <summary>Keeps some of the users; true: none was left, and the layer was unmounted.</summary>
    private bool Keep(LayerId shared, Func<LayerId, bool> isKept)
    {
        string point = PointOf(shared);
        if (!File.Exists(Path.Combine(_users, shared.ToString())) && !Directory.Exists(point))
            return false;
        using var file = LockedFile.Open(_users, shared.ToString());
        var users = MountPoints.Is(point) ? Read(file) : [];
        var kept = users.FindAll(user => isKept(user));
        if (kept.Count == 0)
            return Forget(shared, file);
        if (kept.Count < users.Count)
            file.WriteText(string.Concat(kept.Select(user => user + "\n")));
        return false;
    }

    /// <summary>Unmounts a layer and leaves nothing of it; true: it was mounted.</summary>
    private bool Forget(LayerId shared, LockedFile? file)
    {
        string point = PointOf(shared);
        bool unmounted = false;
        // Lazily: somebody may look at the mount point, which is no reason to keep it. Until nothing is there: one may have been put over another by hand.
        while (MountPoints.Is(point) && Mounter.Unmount(point, lazy: true))
            unmounted = true;
        try
        {
            Directory.Delete(point);
        }
        catch (IOException)
        {
            // it was never made, or something was put into it while nothing was mounted: it stays
        }
        file?.Delete();
        return unmounted;
    }
}
