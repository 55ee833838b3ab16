using Strata.Linux;

namespace Strata.Drivers.Quotas;

/// <summary>Limits directories by project quotas (xfs, ext4): each writable layer that has a limit is a project of its own.</summary>
/// <remarks>
/// <para>
/// The project's number stands on the layer's directories themselves, so it is found again by whoever opens the store, and goes with them. A number is
/// taken at random out of <see cref="FirstProject"/> and up, and only if the kernel knows of no file and no limit of that project: no list of numbers has to
/// be kept, other users of the file system (Docker counts from 1) are not met, and two stores on it do not meet each other.
/// </para>
/// <para>After a crash a limit may stay behind that no directory has: a number less of a thousand million, and a record of some bytes.</para>
/// </remarks>
internal static class ProjectQuota
{
    /// <summary>Our projects' numbers begin here.</summary>
    internal const uint FirstProject = 0x1000_0000;

    /// <summary>And end before this.</summary>
    internal const uint EndOfProjects = 0x7000_0000;

    private const int MaxAttempts = 64;

    /// <summary>Why directories below a path can't be limited, and what would mend it; null: they can.</summary>
    internal static string? ReasonAgainst(string path)
    {
        var magic = FsMagic.Of(path);
        if (magic != FsMagic.Xfs && magic != FsMagic.Ext && magic != FsMagic.F2fs)
            return $"{path} is on {magic}, which has no project quotas. Put the root on xfs or ext4 mounted with prjquota";
        using var directory = FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        var errno = ProjectQuotaCalls.TryGetState(directory, out var state);
        if (state != QuotaState.Enforced)
            return $"{path} is on {magic}, whose project quotas are {(state == QuotaState.Counted ? "counted, not enforced" : "off")} ({errno}). {Advice(magic, state)}";
        if (ProjectQuotaCalls.TryGetProject(directory, out uint project, out bool inherits) == Errno.None && inherits)
            return $"{path} belongs to project {project} already, and projects do not lie in each other. Take it out of it (chattr -R -P -p 0 {path})";
        return null;
    }

    /// <summary>Makes directories one new project and limits it.</summary>
    /// <param name="directories">Empty directories of one file system.</param>
    /// <param name="limits">What they may take together.</param>
    /// <returns>The project's number.</returns>
    internal static uint Limit(IReadOnlyList<string> directories, StorageLimits limits)
    {
        using var first = FileCalls.Open(directories[0], OpenFlags.ReadOnly | OpenFlags.Directory);
        uint project = TakeFree(first, directories[0]);
        Check(ProjectQuotaCalls.TrySetLimits(first, project, limits.SizeBytes, limits.Inodes), "quotactl Q_SETQUOTA", directories[0]);
        try
        {
            foreach (string path in directories)
            {
                using var directory = FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
                Check(ProjectQuotaCalls.TrySetProject(directory, project), "ioctl FS_IOC_FSSETXATTR", path);
            }
        }
        catch
        {
            ProjectQuotaCalls.TrySetLimits(first, project, 0, 0);
            throw;
        }
        return project;
    }

    /// <summary>The project of a directory that <see cref="Limit"/> limited, with what it may take and takes; null: it is none of ours.</summary>
    internal static (uint Project, ProjectUsage Usage)? Find(string directory)
    {
        if (!Directory.Exists(directory))
            return null;
        using var opened = FileCalls.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
        return ProjectOf(opened) is { } project && ProjectQuotaCalls.TryGetUsage(opened, project, out var usage) == Errno.None ? (project, usage) : null;
    }

    /// <summary>Deletes a directory by a given way, then forgets the limits of the project that it, or the upper directory in it, was.</summary>
    internal static void DeleteWithProjects(string path, Action<string> delete)
    {
        uint? project = null;
        if (FsMagic.Of(path) is var magic && (magic == FsMagic.Xfs || magic == FsMagic.Ext || magic == FsMagic.F2fs))
            project = ProjectAt(path) ?? ProjectAt(Path.Combine(path, "diff"));
        delete(path);
        if (project is not { } gone)
            return;
        using var around = FileCalls.Open(Path.GetDirectoryName(path)!, OpenFlags.ReadOnly | OpenFlags.Directory);
        ProjectQuotaCalls.TrySetLimits(around, gone, 0, 0); // what it can't forget hurts nobody
    }

    private static uint? ProjectAt(string path)
    {
        var errno = FileCalls.TryOpenAt(
            FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path), OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.NoFollow, 0, out var directory);
        using (directory)
            return errno == Errno.None ? ProjectOf(directory!) : null;
    }

    private static uint? ProjectOf(FileDescriptor directory) =>
        ProjectQuotaCalls.TryGetProject(directory, out uint project, out bool inherits) == Errno.None && inherits && project is >= FirstProject and < EndOfProjects ? project : null;

    private static uint TakeFree(FileDescriptor file, string path)
    {
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            uint project = (uint)RandomNumber((int)FirstProject, (int)EndOfProjects);
            Check(ProjectQuotaCalls.TryGetUsage(file, project, out var usage), "quotactl Q_GETQUOTA", path);
            if (usage.IsFree)
                return project;
        }
        throw StrataException.Exhausted($"Found no free project number for {path} in {MaxAttempts} tries: that many projects are in use on its file system.");
    }

    /// <summary>From the bytes of a random ID (see there why not OpenSSL's).</summary>
    private static int RandomNumber(int first, int end) =>
        first + (int)(BitConverter.ToUInt32(Convert.FromHexString(LayerId.New().ToString())) % (uint)(end - first));

    private static string Advice(FsMagic magic, QuotaState state) => magic switch
    {
        _ when magic == FsMagic.Xfs => "Mount it with -o prjquota (for the root file system: rootflags=prjquota on the kernel's command line; xfs does not take it by a remount); the kernel needs CONFIG_XFS_QUOTA and quotactl_fd (Linux 5.14)",
        _ when state == QuotaState.Counted => "Mount it with -o prjquota",
        _ => "Make it with mkfs.ext4 -O project,quota, or give it both while it is not mounted (tune2fs -O project,quota DEVICE), and mount it with -o prjquota; the kernel needs CONFIG_QUOTA and quotactl_fd (Linux 5.14)",
    };

    private static void Check(Errno errno, string call, string path)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, path);
    }
}
