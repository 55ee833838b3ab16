namespace Strata.Drivers;

/// <summary>What statfs(2) calls the type of a file system (linux/magic.h). Docker's <c>FsMagic</c>.</summary>
/// <param name="Value">The number.</param>
public readonly record struct FsMagic(long Value)
{
    /// <summary>Aufs.</summary>
    public static readonly FsMagic Aufs = new(0x61756673);

    /// <summary>Btrfs.</summary>
    public static readonly FsMagic Btrfs = new(0x9123683E);

    /// <summary>Cramfs.</summary>
    public static readonly FsMagic Cramfs = new(0x28cd3d45);

    /// <summary>eCryptfs.</summary>
    public static readonly FsMagic Ecryptfs = new(0xf15f);

    /// <summary>EROFS.</summary>
    public static readonly FsMagic Erofs = new(0xE0F5E1E2);

    /// <summary>ext2, ext3 and ext4: they share one number.</summary>
    public static readonly FsMagic Ext = new(0xEF53);

    /// <summary>F2FS.</summary>
    public static readonly FsMagic F2fs = new(0xF2F52010);

    /// <summary>Anything in user space.</summary>
    public static readonly FsMagic Fuse = new(0x65735546);

    /// <summary>GPFS.</summary>
    public static readonly FsMagic Gpfs = new(0x47504653);

    /// <summary>JFFS2.</summary>
    public static readonly FsMagic Jffs2 = new(0x72b6);

    /// <summary>JFS.</summary>
    public static readonly FsMagic Jfs = new(0x3153464a);

    /// <summary>NFS.</summary>
    public static readonly FsMagic Nfs = new(0x6969);

    /// <summary>Overlayfs.</summary>
    public static readonly FsMagic Overlay = new(0x794C7630);

    /// <summary>Ramfs.</summary>
    public static readonly FsMagic Ramfs = new(0x858458f6);

    /// <summary>SMB 2 and later.</summary>
    public static readonly FsMagic Smb2 = new(0xFE534D42);

    /// <summary>SquashFS.</summary>
    public static readonly FsMagic Squashfs = new(0x73717368);

    /// <summary>tmpfs.</summary>
    public static readonly FsMagic Tmpfs = new(0x01021994);

    /// <summary>XFS.</summary>
    public static readonly FsMagic Xfs = new(0x58465342);

    /// <summary>ZFS.</summary>
    public static readonly FsMagic Zfs = new(0x2fc12fc1);

    private static readonly Dictionary<FsMagic, string> Names = new()
    {
        [Aufs] = "aufs", [Btrfs] = "btrfs", [Cramfs] = "cramfs", [Ecryptfs] = "ecryptfs", [Erofs] = "erofs", [Ext] = "extfs", [F2fs] = "f2fs",
        [Fuse] = "fuse", [Gpfs] = "gpfs", [Jffs2] = "jffs2", [Jfs] = "jfs", [Nfs] = "nfs", [Overlay] = "overlayfs", [Ramfs] = "ramfs",
        [Smb2] = "smb2", [Squashfs] = "squashfs", [Tmpfs] = "tmpfs", [Xfs] = "xfs", [Zfs] = "zfs",
    };

    /// <summary>The name that Docker's status prints; the number where none is known.</summary>
    public override string ToString() => Names.TryGetValue(this, out string? name) ? name : $"unknown (0x{Value:x})";

    /// <summary>The type of the file system that holds a path; its nearest existing parent's, if it is not there yet.</summary>
    public static FsMagic Of(string path)
    {
        string? existing = Path.GetFullPath(path);
        while (existing is not null && !Directory.Exists(existing))
            existing = Path.GetDirectoryName(existing);
        using var directory = Linux.FileCalls.Open(existing ?? "/", Linux.OpenFlags.ReadOnly | Linux.OpenFlags.Directory);
        return new FsMagic(Linux.FileCalls.FileSystemMagic(directory));
    }
}
