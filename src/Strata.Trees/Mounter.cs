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

    /// <summary>Makes a mount that is attached nowhere and vanishes with its descriptor: a private, read-only look at stacked directories.</summary>
    public static RootDirectory MountDetached(Mount mount)
    {
        using var file = Make(mount);
        return RootDirectory.Adopt(FileCalls.OpenAt(file, "."u8, OpenFlags.ReadOnly | OpenFlags.Directory), mount.ToString());
    }

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
        if (mount.Type == "overlay" && OldFormFits(mount, out string? options))
        {
            // One call where the options fit a page: the kernel parses them faster than we can pass them one by one.
            Check(MountCalls.TryMount(mount.Source, target, mount.Type, Flags(mount), options), mount, target, "");
            return;
        }
        using var file = Make(mount);
        Check(MountCalls.TryAttach(file, target), mount, target, "");
    }

    private static void Bind(Mount mount, string target)
    {
        ulong recursive = mount.Options.Contains("rbind") ? MountCalls.Recursive : 0;
        Check(MountCalls.TryMount(mount.Source, target, null, MountCalls.Bind | recursive, null), mount, target, "");
        if (!mount.IsReadOnly)
            return;
        var errno = MountCalls.TryMount(null, target, null, MountCalls.Bind | MountCalls.Remount | MountCalls.ReadOnly, null);
        if (errno != Errno.None)
            MountCalls.TryUnmount(target, lazy: true);
        Check(errno, mount, target, "");
    }

    private static FileDescriptor Make(Mount mount)
    {
        Check(MountCalls.TryOpenContext(mount.Type, out var opened), mount, "a new mount", "");
        using var context = opened!;
        if (mount.Type != "overlay")
            Set(context, "source", mount.Source, mount);
        foreach (string option in mount.Options)
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? option : option[..equals];
            switch (key)
            {
                case "ro" or "rw":
                    break;
                case "lowerdir": // one string is limited to 255 bytes; lowerdir+ takes them one by one (Linux 6.7)
                    foreach (string lower in SplitLowers(option[(equals + 1)..]))
                        Set(context, "lowerdir+", lower, mount);
                    break;
                default:
                    if (equals < 0)
                        Check(MountCalls.TrySetFlag(context, key), mount, key, MountCalls.ReadLog(context));
                    else
                        Set(context, key, key is "upperdir" or "workdir" ? Unescape(option[(equals + 1)..]) : option[(equals + 1)..], mount);
                    break;
            }
        }
        var errno = MountCalls.TryCreate(context);
        Check(errno, mount, "a new mount", errno == Errno.None ? "" : MountCalls.ReadLog(context));
        Check(MountCalls.TryMakeMount(context, mount.IsReadOnly ? MountCalls.AttributeReadOnly : 0, out var made), mount, "a new mount", "");
        return made!;
    }

    private static void Set(FileDescriptor context, string key, string value, Mount mount) =>
        Check(MountCalls.TrySetString(context, key, value), mount, $"{key} {value}", MountCalls.ReadLog(context));

    /// <summary>mount(2) takes a page of options, in which overlay's separators are escaped.</summary>
    private static bool OldFormFits(Mount mount, out string? options)
    {
        options = string.Join(',', mount.Options.Where(o => o is not ("ro" or "rw" or "nosuid" or "nodev" or "noexec")));
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

    private static IEnumerable<string> SplitLowers(string list)
    {
        var current = new StringBuilder();
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] == '\\' && i + 1 < list.Length)
            {
                current.Append(list[++i]);
            }
            else if (list[i] == ':')
            {
                yield return current.ToString();
                current.Clear();
            }
            else
            {
                current.Append(list[i]);
            }
        }
        yield return current.ToString();
    }

    private static string Unescape(string path) => SplitLowers(path).First();

    private static void Check(Errno errno, Mount mount, string target, string log)
    {
        if (errno == Errno.None)
            return;
        string why = log.Length > 0 ? $" The kernel says: {log}." : "";
        string what = $"Can't mount {mount.Type} at {target}";
        throw errno switch
        {
            Errno.EPERM or Errno.EACCES => StrataException.PermissionDenied(
                $"{what}: mounting needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver, which mounts nothing.{why}", new LinuxException(errno, "mount", target)),
            Errno.ENODEV => StrataException.NotSupported($"{what}: this kernel has no {mount.Type} file system.{why}", new LinuxException(errno, "mount", target)),
            _ => new StrataException(LinuxException.KindOf(errno), $"{what}: {new LinuxException(errno, "mount").Message}.{why}", new LinuxException(errno, "mount", target)),
        };
    }
}
