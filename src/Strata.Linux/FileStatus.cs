namespace Strata.Linux;

/// <summary>What statx(2) tells of a file.</summary>
public readonly struct FileStatus
{
    internal FileStatus(in StatxBuffer buffer)
    {
        Mode = buffer.Mode;
        Uid = buffer.Uid;
        Gid = buffer.Gid;
        LinkCount = buffer.LinkCount;
        Inode = buffer.Inode;
        SizeBytes = (long)buffer.Size;
        Blocks = (long)buffer.Blocks;
        Mtime = new FileTime(buffer.ModifyTime.Seconds, (int)buffer.ModifyTime.Nanoseconds);
        Ctime = new FileTime(buffer.ChangeTime.Seconds, (int)buffer.ChangeTime.Nanoseconds);
        RdevMajor = buffer.RdevMajor;
        RdevMinor = buffer.RdevMinor;
        Device = ((ulong)buffer.DevMajor << 32) | buffer.DevMinor;
        MountId = buffer.MountId;
        IsMountRoot = (buffer.Attributes & 0x2000) != 0;
    }

    /// <summary>Type and permission bits.</summary>
    public int Mode { get; }

    /// <summary>The type bits of <see cref="Mode"/>.</summary>
    public int Type => Mode & NameCalls.TypeMask;

    /// <summary>The permission bits of <see cref="Mode"/>, setuid, setgid and sticky included.</summary>
    public int Permissions => Mode & 0xFFF;

    /// <summary>True for a directory.</summary>
    public bool IsDirectory => Type == NameCalls.TypeDirectory;

    /// <summary>The owner's number.</summary>
    public uint Uid { get; init; }

    /// <summary>The group's number.</summary>
    public uint Gid { get; init; }

    /// <summary>How many names the inode has.</summary>
    public uint LinkCount { get; }

    /// <summary>The inode's number.</summary>
    public ulong Inode { get; }

    /// <summary>The size.</summary>
    public long SizeBytes { get; }

    /// <summary>Allocated blocks of 512 bytes.</summary>
    public long Blocks { get; }

    /// <summary>The last modification of the content.</summary>
    public FileTime Mtime { get; }

    /// <summary>The last change of the inode.</summary>
    public FileTime Ctime { get; }

    /// <summary>A device node's major number.</summary>
    public uint RdevMajor { get; }

    /// <summary>A device node's minor number.</summary>
    public uint RdevMinor { get; }

    /// <summary>The file system's device, major and minor in one number.</summary>
    public ulong Device { get; }

    /// <summary>The mount's ID (Linux 5.8); 0 before.</summary>
    public ulong MountId { get; }

    /// <summary>True for the root of a mount (Linux 5.8).</summary>
    public bool IsMountRoot { get; }
}
