using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>struct timespec on 64-bit Linux.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpec
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary>struct statx_timestamp (linux/stat.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StatxTimestamp
{
    public long Seconds;
    public uint Nanoseconds;
    public int Reserved;
}

/// <summary>struct statx (linux/stat.h): 256 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct StatxBuffer
{
    public uint Mask;
    public uint BlockSize;
    public ulong Attributes;
    public uint LinkCount;
    public uint Uid;
    public uint Gid;
    public ushort Mode;
    public ushort Spare0;
    public ulong Inode;
    public ulong Size;
    public ulong Blocks;
    public ulong AttributesMask;
    public StatxTimestamp AccessTime;
    public StatxTimestamp BirthTime;
    public StatxTimestamp ChangeTime;
    public StatxTimestamp ModifyTime;
    public uint RdevMajor;
    public uint RdevMinor;
    public uint DevMajor;
    public uint DevMinor;
    public ulong MountId;
}

/// <summary>struct statfs on 64-bit Linux: 120 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
internal struct StatFsBuffer
{
    public long Type;
    public long BlockSize;
    public ulong Blocks;
    public ulong BlocksFree;
    public ulong BlocksAvailable;
    public ulong Files;
    public ulong FilesFree;
}

/// <summary>struct open_how (linux/openat2.h): 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}

/// <summary>struct xattr_args (linux/xattr.h): 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XattrArgs
{
    public ulong Value;
    public uint Size;
    public uint Flags;
}

/// <summary>struct mount_attr (linux/mount.h): 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MountAttr
{
    public ulong Set;
    public ulong Clear;
    public ulong Propagation;
    public ulong UserNamespace;
}

/// <summary>struct file_clone_range (linux/fs.h): 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CloneRange
{
    public long SourceFile;
    public ulong SourceOffset;
    public ulong SourceLength;
    public ulong DestinationOffset;
}

/// <summary>struct loop_info64 (linux/loop.h): 232 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LoopInfo64
{
    public ulong Device;
    public ulong Inode;
    public ulong RDevice;
    public ulong Offset;
    public ulong SizeLimit;
    public uint Number;
    public uint EncryptType;
    public uint EncryptKeySize;
    public uint Flags;
    public fixed byte FileName[LoopCalls.NameSize];
    public fixed byte CryptName[LoopCalls.NameSize];
    public fixed byte EncryptKey[32];
    public fixed ulong Init[2];
}

/// <summary>struct loop_config (linux/loop.h): 304 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LoopConfig
{
    public int File;
    public uint BlockSize;
    public LoopInfo64 Info;
    public fixed ulong Reserved[8];
}

/// <summary>struct btrfs_ioctl_search_args_v2 (linux/btrfs.h) up to its buffer: 112 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BtrfsSearchArguments
{
    public ulong Tree;
    public ulong MinObject;
    public ulong MaxObject;
    public ulong MinOffset;
    public ulong MaxOffset;
    public ulong MinTransaction;
    public ulong MaxTransaction;
    public uint MinType;
    public uint MaxType;
    public uint Items;
    public uint Unused;
    public fixed ulong Reserved[4];
    public ulong BufferSize;
}

/// <summary>struct fsxattr (linux/fs.h): 28 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FsXattr
{
    public uint Flags;
    public uint ExtentSize;
    public uint Extents;
    public uint Project;
    public uint CopyOnWriteExtentSize;
    public fixed byte Padding[8];
}

/// <summary>struct if_dqblk (linux/quota.h): 72 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DiskQuota
{
    public ulong BlockHardLimit;
    public ulong BlockSoftLimit;
    public ulong SpaceBytes;
    public ulong InodeHardLimit;
    public ulong InodeSoftLimit;
    public ulong Inodes;
    public ulong BlockTime;
    public ulong InodeTime;
    public uint Valid;
}

/// <summary>struct fs_quota_statv (linux/dqblk_xfs.h): 160 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 160)]
internal struct QuotaStateBuffer
{
    public sbyte Version;
    public byte Padding;
    public ushort Flags;
    public uint DquotsInCore;
}
