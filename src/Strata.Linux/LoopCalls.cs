namespace Strata.Linux;

/// <summary>Loop devices: a file as a block device (loop(4), linux/loop.h).</summary>
/// <remarks>LOOP_CONFIGURE (Linux 5.8) alone: what mounts EROFS with several devices needs a newer kernel anyway.</remarks>
public static unsafe class LoopCalls
{
    /// <summary>LO_FLAGS_READ_ONLY.</summary>
    public const int ReadOnly = 1;

    /// <summary>LO_FLAGS_AUTOCLEAR: the file is let go when the last user closes the device; a mount is one.</summary>
    public const int AutoClear = 4;

    /// <summary>LO_FLAGS_DIRECT_IO: reads bypass the file's page cache. A file system that can't is read through it, without an error.</summary>
    public const int DirectIO = 16;

    /// <summary>The size of struct loop_info64's lo_file_name.</summary>
    internal const int NameSize = 64;

    private const uint GetFree = 0x4C82;
    private const uint ConfigureRequest = 0x4C0A;
    private const uint Clear = 0x4C01;
    private const uint GetStatus64 = 0x4C05;

    /// <summary>Finds a device that is free, or makes one (LOOP_CTL_GET_FREE). Somebody else may be given the same.</summary>
    /// <param name="control">/dev/loop-control, open.</param>
    /// <param name="number">The device is /dev/loop with this number.</param>
    public static Errno TryGetFree(FileDescriptor control, out int number)
    {
        number = Native.ioctl(control.Number, GetFree, 0);
        return number < 0 ? Native.LastErrno : Errno.None;
    }

    /// <summary>Binds a file to a device in one step (LOOP_CONFIGURE). EBUSY: somebody else was faster.</summary>
    /// <param name="device">The device, open. With <see cref="AutoClear"/> the file is let go when this and every other descriptor is closed.</param>
    /// <param name="file">The file, open; the device holds it by itself afterwards.</param>
    /// <param name="flags">LO_FLAGS_….</param>
    /// <param name="blockSizeBytes">The logical block size: 512 to 4096. A last, incomplete block of the file can't be read.</param>
    public static Errno TryConfigure(FileDescriptor device, FileDescriptor file, int flags, int blockSizeBytes)
    {
        var config = new LoopConfig { File = file.Number, BlockSize = (uint)blockSizeBytes };
        config.Info.Flags = (uint)flags;
        return Native.ioctl(device.Number, ConfigureRequest, (nuint)(&config)) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Lets the file go (LOOP_CLR_FD); at once, or when the last user closes the device. ENXIO: no file is bound.</summary>
    public static Errno TryClear(FileDescriptor device) => Native.ioctl(device.Number, Clear, 0) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>What is bound to a device (LOOP_GET_STATUS64). ENXIO: nothing.</summary>
    /// <param name="device">The device, open.</param>
    /// <param name="inode">The inode of the file that is bound.</param>
    /// <param name="flags">LO_FLAGS_….</param>
    public static Errno TryGetStatus(FileDescriptor device, out ulong inode, out int flags) => TryGetStatus(device, out inode, out _, out flags);

    /// <summary>What is bound to a device, with the device that the file lies on, as the kernel writes its number (new_encode_dev).</summary>
    public static Errno TryGetStatus(FileDescriptor device, out ulong inode, out ulong fileDevice, out int flags)
    {
        LoopInfo64 info;
        bool ok = Native.ioctl(device.Number, GetStatus64, (nuint)(&info)) == 0;
        (inode, fileDevice, flags) = ok ? (info.Inode, info.Device, (int)info.Flags) : (0, 0, 0);
        return ok ? Errno.None : Native.LastErrno;
    }
}
