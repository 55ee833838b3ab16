using System.Text;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Performs mounts that are described as data: by the mount API of Linux 5.2 where it serves, else by mount(2).</summary>
public static class Mounter
{
    /// <summary>A busy mount is tried again after 1, 2, 4 … up to so many milliseconds: half a second in all.</summary>
    private const int LongestWaitMilliseconds = 256;

    /// <summary>Mounts at a directory.</summary>
    /// <param name="mounts">What to mount, in order; each at its own <see cref="Mount.Target"/> below the directory.</param>
    /// <param name="directory">The directory; must exist.</param>
    /// <exception cref="StrataException">PermissionDenied, NotSupported, InvalidArgument, with the kernel's own words. Nothing stays mounted then.</exception>
    public static void Mount(IReadOnlyList<Mount> mounts, string directory)
    {
        var done = new Stack<string>();
        try
        {
            foreach (var mount in mounts)
            {
                string target = mount.Target.Length == 0 ? directory : Path.Join(directory, mount.Target);
                MountOne(mount, target);
                done.Push(target);
            }
        }
        catch
        {
            foreach (string target in done)
                MountCalls.TryUnmount(target, lazy: true);
            throw;
        }
    }

    /// <summary>Mounts an overlay over directories that are open, or over mounts that are attached nowhere.</summary>
    /// <param name="overlay">The overlay; its <c>lowerdir=</c>, if it has one, lies above the open ones.</param>
    /// <param name="directory">Where; must exist. The mount's own <see cref="Strata.Mount.Target"/> is below it.</param>
    /// <param name="lowers">Lower directories, nearest first. They stay the caller's, who may close them at once: the overlay holds them until it is unmounted.</param>
    /// <exception cref="StrataException">As of <see cref="Mount(IReadOnlyList{Strata.Mount}, string)"/>; InvalidArgument also where a kernel before 6.15 does not take mounts that are attached nowhere.</exception>
    public static void Mount(Mount overlay, string directory, IReadOnlyList<RootDirectory> lowers)
    {
        string target = overlay.Target.Length == 0 ? directory : Path.Join(directory, overlay.Target);
        using var made = MountContext.Make(overlay, target, lowers, mount => MountCalls.TryAttach(mount, target));
    }

    /// <summary>Makes a mount that is attached nowhere and vanishes with its descriptor: a private look at a file system or at stacked directories.</summary>
    /// <param name="mount">What to mount; a bind mount can't be made so.</param>
    /// <param name="lowers">For an overlay: lower directories that are open, as in <see cref="Mount(Strata.Mount, string, IReadOnlyList{RootDirectory})"/>.</param>
    public static RootDirectory MountDetached(Mount mount, IReadOnlyList<RootDirectory>? lowers = null)
        => RootDirectory.AdoptMount(MountContext.Make(mount, "a directory of no name", lowers ?? []), Show(mount));

    /// <summary>Unmounts a directory; true: it was mounted.</summary>
    /// <param name="directory">The mount point.</param>
    /// <param name="lazy">True: leave the tree at once, go when the last user is gone.</param>
    /// <exception cref="StrataException">FailedPrecondition: it is busy.</exception>
    public static bool Unmount(string directory, bool lazy = false)
    {
        var errno = MountCalls.TryUnmount(directory, lazy);
        // A process that is just being started holds its parent's open files until it runs: busy for a moment is normal (moby#32461 and many more).
        for (int wait = 1; errno == Errno.EBUSY && wait <= LongestWaitMilliseconds; wait *= 2)
        {
            Thread.Sleep(wait);
            errno = MountCalls.TryUnmount(directory, lazy);
        }
        if (errno == Errno.EPERM && FuseMounts.TryUnmount(directory, lazy))
            return true;
        return errno switch
        {
            Errno.None => true,
            Errno.EINVAL or Errno.ENOENT => false,
            Errno.EBUSY => throw StrataException.FailedPrecondition(
                $"Can't unmount {directory}: it is busy. A program has a file or its working directory there; end it, or unmount lazily."),
            _ => throw new LinuxException(errno, "umount", directory),
        };
    }

    private static void MountOne(Mount mount, string target)
    {
        if (mount.Type == "bind")
        {
            Bind(mount, target);
            return;
        }
        if (FuseMounts.Is(mount))
        {
            FuseMounts.Mount(mount, target);
            return;
        }
        if (mount.Type == "aufs")
        {
            // Known to mount(2) alone; what it is told by a remount does not fit the first call.
            ulong remount = mount.Options.Contains("remount") ? MountCalls.Remount : 0;
            OldFormFits(mount, out string? branches);
            Check(MountCalls.TryMount(mount.Source, target, mount.Type, Flags(mount) | remount, branches), mount, target);
            return;
        }
        if (mount.Type == "overlay" && IdMappedMounts.FindIn(mount) is null && OldFormFits(mount, out string? options))
        {
            // One call where the options fit a page: the kernel parses them faster than we can pass them one by one.
            Check(MountCalls.TryMount(mount.Source, target, mount.Type, Flags(mount), options), mount, target);
            return;
        }
        using var made = MountContext.Make(mount, target, [], fresh => MountCalls.TryAttach(fresh, target));
    }

    private static void Bind(Mount mount, string target)
    {
        if (IdMappedMounts.FindIn(mount) is { } mapping)
        {
            using var mapped = IdMappedMounts.Clone(mount.Source, mapping, mount.IsReadOnly);
            Check(MountCalls.TryAttach(mapped, target), mount, target);
            return;
        }
        ulong recursive = mount.Options.Contains("rbind") ? MountCalls.Recursive : 0;
        Check(MountCalls.TryMount(mount.Source, target, null, MountCalls.Bind | recursive, null), mount, target);
        if (!mount.IsReadOnly)
            return;
        var errno = MountCalls.TryMount(null, target, null, MountCalls.Bind | MountCalls.Remount | MountCalls.ReadOnly, null);
        if (errno != Errno.None)
            MountCalls.TryUnmount(target, lazy: true);
        Check(errno, mount, target);
    }

    /// <summary>mount(2) takes a page of options, in which overlay's separators are escaped.</summary>
    private static bool OldFormFits(Mount mount, out string? options)
    {
        options = string.Join(',', mount.Options.Where(o => o is not ("ro" or "rw" or "nosuid" or "nodev" or "noexec" or "remount")));
        return Encoding.UTF8.GetByteCount(options) <= MountCalls.MaxOptionBytes;
    }

    private static ulong Flags(Mount mount)
    {
        ulong flags = 0;
        foreach (string option in mount.Options)
        {
            flags |= option switch
            {
                "ro" => MountCalls.ReadOnly,
                "nosuid" => MountCalls.NoSuid,
                "nodev" => MountCalls.NoDev,
                "noexec" => MountCalls.NoExec,
                _ => 0,
            };
        }
        return flags;
    }

    /// <summary>For messages: an image of a thousand devices is told by its name alone.</summary>
    private static string Show(Mount mount) => mount.Options.Count <= 8 ? mount.ToString() : $"{mount.Type} {mount.Source}";

    private static void Check(Errno errno, Mount mount, string target) => MountContext.Check(errno, mount, target, "");
}
