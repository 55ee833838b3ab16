using System.Buffers.Binary;
using System.Globalization;

namespace Strata.Linux;

/// <summary>Quotas of btrfs (linux/btrfs.h, btrfs-quota(8)): a group for each subvolume, which can be limited.</summary>
public static unsafe class BtrfsQuotaCalls
{
    private const nuint Control = 0xC0109428;
    private const nuint Limit = 0x8030942B;
    private const nuint FileSystemInfo = 0x8400941F;
    private const int InfoSize = 1024;
    private const ulong Enable = 1;
    private const ulong EnableSimple = 4;
    private const ulong MaxReferenced = 1;
    private const ulong MaxExclusive = 2;

    /// <summary>Which quotas a file system has (/sys/fs/btrfs/UUID/qgroups).</summary>
    public static BtrfsQuotaMode GetMode(FileDescriptor file)
    {
        Span<byte> info = stackalloc byte[InfoSize];
        info.Clear();
        fixed (byte* p = info)
        {
            if (Native.ioctl(file.Number, FileSystemInfo, (nuint)p) != 0)
                throw new LinuxException(Native.LastErrno, "ioctl BTRFS_IOC_FS_INFO");
        }
        string directory = string.Create(CultureInfo.InvariantCulture, $"/sys/fs/btrfs/{new Guid(info[16..32], bigEndian: true)}/qgroups");
        if (!Directory.Exists(directory))
            return BtrfsQuotaMode.Off;
        string mode = Path.Combine(directory, "mode"); // Linux 6.7, as simple quotas
        return File.Exists(mode) && File.ReadAllText(mode).StartsWith("squota", StringComparison.Ordinal) ? BtrfsQuotaMode.Simple : BtrfsQuotaMode.Full;
    }

    /// <summary>Turns quotas on (BTRFS_IOC_QUOTA_CTL).</summary>
    /// <param name="file">Any file of the file system.</param>
    /// <param name="simple">True: simple quotas, which count to whom each extent was given first, and cost little (Linux 6.7; EINVAL or EOPNOTSUPP before).</param>
    public static Errno TryEnable(FileDescriptor file, bool simple)
    {
        Span<byte> arguments = stackalloc byte[16];
        arguments.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(arguments, simple ? EnableSimple : Enable);
        fixed (byte* p = arguments)
            return Native.ioctl(file.Number, Control, (nuint)p) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Limits a subvolume (BTRFS_IOC_QGROUP_LIMIT).</summary>
    /// <param name="subvolume">Its root directory.</param>
    /// <param name="tree">Its tree.</param>
    /// <param name="sizeBytes">How much it may take.</param>
    /// <param name="exclusive">True: of what it shares with no other; false: of all that it shows.</param>
    public static Errno TryLimit(FileDescriptor subvolume, ulong tree, long sizeBytes, bool exclusive)
    {
        Span<byte> arguments = stackalloc byte[48];
        arguments.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(arguments, tree);
        BinaryPrimitives.WriteUInt64LittleEndian(arguments[8..], exclusive ? MaxExclusive : MaxReferenced);
        BinaryPrimitives.WriteInt64LittleEndian(arguments[(exclusive ? 24 : 16)..], sizeBytes);
        fixed (byte* p = arguments)
            return Native.ioctl(subvolume.Number, Limit, (nuint)p) == 0 ? Errno.None : Native.LastErrno;
    }
}
