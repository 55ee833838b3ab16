namespace Strata.Linux;

/// <summary>Project quotas: whose project a directory is, and what a project may take (ioctl_xfs_fsgetxattr(2), quotactl(2), linux/fs.h, linux/dqblk_xfs.h).</summary>
/// <remarks>
/// <para>
/// The same calls serve xfs, ext4 and f2fs: FS_IOC_FSSETXATTR (xfs; ext4 from Linux 4.5) for the project, Q_GETQUOTA and Q_SETQUOTA for its limits, and
/// Q_XGETQSTATV for whether they are enforced, which both kinds of quota operations in the kernel answer. Q_XSETQLIM would do as well on both; it counts in
/// 512 bytes where Q_SETQUOTA counts in 1024.
/// </para>
/// <para>By quotactl_fd(2), Linux 5.14: the older quotactl(2) wants the path of the block device, which a container does not see.</para>
/// </remarks>
public static unsafe class ProjectQuotaCalls
{
    private const nuint GetAttributes = 0x801C581F;
    private const nuint SetAttributes = 0x401C5820;
    private const uint Inherits = 0x200;
    private const int ProjectQuota = 2;
    private const int GetQuota = 0x800007;
    private const int SetQuota = 0x800008;
    private const int GetState = ('X' << 8) + 8;
    private const uint ValidLimits = 1 | 4;
    private const ushort ProjectsCounted = 16;
    private const ushort ProjectsLimited = 32;
    private const sbyte StateVersion = 1;

    /// <summary>What limits are counted in.</summary>
    public const long UnitBytes = 1024;

    /// <summary>The project of a file or directory.</summary>
    /// <param name="file">The file.</param>
    /// <param name="project">Its project; 0: none.</param>
    /// <param name="inherits">True: what is made in the directory belongs to the project, too.</param>
    /// <returns>ENOTTY, EOPNOTSUPP: the file system has no projects.</returns>
    public static Errno TryGetProject(FileDescriptor file, out uint project, out bool inherits)
    {
        FsXattr attributes;
        bool ok = Native.ioctl(file.Number, GetAttributes, (nuint)(&attributes)) == 0;
        project = ok ? attributes.Project : 0;
        inherits = ok && (attributes.Flags & Inherits) != 0;
        return ok ? Errno.None : Native.LastErrno;
    }

    /// <summary>Makes a directory, and all that is made in it from now on, part of a project.</summary>
    /// <returns>EOPNOTSUPP, ENOTTY: the file system has no projects (ext4 without the feature <c>project</c>). EINVAL: not from inside a user namespace.</returns>
    public static Errno TrySetProject(FileDescriptor directory, uint project)
    {
        FsXattr attributes;
        if (Native.ioctl(directory.Number, GetAttributes, (nuint)(&attributes)) != 0)
            return Native.LastErrno;
        attributes.Project = project;
        attributes.Flags |= Inherits;
        return Native.ioctl(directory.Number, SetAttributes, (nuint)(&attributes)) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>What a file system does with project quotas.</summary>
    /// <param name="file">Any file of it.</param>
    /// <param name="state">What it does.</param>
    /// <returns>ENOSYS: before Linux 5.14. EPERM: not as this user.</returns>
    public static Errno TryGetState(FileDescriptor file, out QuotaState state)
    {
        var found = new QuotaStateBuffer { Version = StateVersion };
        var errno = Call(file, GetState, 0, &found);
        state = errno switch
        {
            Errno.None when (found.Flags & ProjectsLimited) != 0 => QuotaState.Enforced,
            Errno.None when (found.Flags & ProjectsCounted) != 0 => QuotaState.Counted,
            Errno.None => QuotaState.Off,
            _ => QuotaState.Unknown,
        };
        return errno;
    }

    /// <summary>What a project may take and takes.</summary>
    /// <param name="file">Any file of the file system.</param>
    /// <param name="project">The project.</param>
    /// <param name="usage">Nothing, if nobody ever used it.</param>
    public static Errno TryGetUsage(FileDescriptor file, uint project, out ProjectUsage usage)
    {
        DiskQuota quota;
        var errno = Call(file, GetQuota, project, &quota);
        usage = errno != Errno.None
            ? default
            : new ProjectUsage((long)quota.BlockHardLimit * UnitBytes, (long)quota.InodeHardLimit, (long)quota.SpaceBytes, (long)quota.Inodes);
        return errno == Errno.ENOENT ? Errno.None : errno; // xfs: it never was
    }

    /// <summary>Limits a project.</summary>
    /// <param name="file">Any file of the file system.</param>
    /// <param name="project">The project.</param>
    /// <param name="sizeBytes">How many bytes it may take, in whole units, rounded down; 0: as many as there are.</param>
    /// <param name="inodes">How many inodes; 0: as many as there are.</param>
    public static Errno TrySetLimits(FileDescriptor file, uint project, long sizeBytes, long inodes)
    {
        var quota = new DiskQuota { BlockHardLimit = (ulong)(sizeBytes / UnitBytes), InodeHardLimit = (ulong)inodes, Valid = ValidLimits };
        return Call(file, SetQuota, project, &quota);
    }

    private static Errno Call(FileDescriptor file, int command, uint project, void* data) =>
        Native.syscall5(SyscallNumbers.QuotaCtlFd, file.Number, (command << 8) | ProjectQuota, (nint)project, (nint)data, 0) == 0 ? Errno.None : Native.LastErrno;
}
