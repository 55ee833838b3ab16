using System.Globalization;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>A file bound to a loop device, read-only, until its last user is gone: for kernels that mount block devices only.</summary>
/// <remarks>
/// Owns the device until it is disposed; a mount that was made of <see cref="Path"/> meanwhile keeps it, and lets it go by itself when it is
/// unmounted (LO_FLAGS_AUTOCLEAR). A process that dies leaves nothing behind.
/// </remarks>
public sealed class LoopDevice : IDisposable
{
    private const string Control = "/dev/loop-control";
    private const string Devices = "/sys/block";

    /// <summary>Block devices have at least this; EROFS indexes of tars have blocks of it.</summary>
    private const int BlockSizeBytes = 512;

    /// <summary>How often somebody else may be faster before we give up.</summary>
    private const int MaxAttempts = 100;

    private readonly FileDescriptor _device;

    private LoopDevice(string path, FileDescriptor device) => (Path, _device) = (path, device);

    /// <summary>The device: <c>/dev/loop</c> and a number. Somebody else's as soon as this and every mount of it is gone.</summary>
    public string Path { get; }

    /// <summary>Binds a file to a free device.</summary>
    /// <param name="file">The file; its size should be a multiple of 512 bytes, what is beyond can't be read.</param>
    /// <param name="directIO">True: do not keep the file's pages in memory, the device has its own. Needs a file system that can (not tmpfs): others are read as usual.</param>
    /// <exception cref="StrataException">NotFound: no such file. PermissionDenied. NotSupported: the kernel has no loop devices.</exception>
    public static LoopDevice Attach(string file, bool directIO = false) => Attach(file, LoopCalls.ReadOnly | (directIO ? LoopCalls.DirectIO : 0));

    /// <summary>The device that a file is bound to for writing, bound now if it is to none: two of them on one file would destroy a file system in it.</summary>
    /// <param name="file">The file. The caller sees to it that nobody else binds it at the same time.</param>
    /// <exception cref="StrataException">As of <see cref="Attach(string, bool)"/>.</exception>
    public static LoopDevice FindOrAttachWritable(string file) => Find(file) ?? Attach(file, LoopCalls.DirectIO);

    private static LoopDevice? Find(string file)
    {
        if (AttributeCalls.FindStatus(file) is not { } status || !Directory.Exists(Devices))
            return null;
        foreach (string bound in Directory.EnumerateDirectories(Devices, "loop*").Where(device => Directory.Exists(System.IO.Path.Combine(device, "loop"))))
        {
            string path = "/dev/" + System.IO.Path.GetFileName(bound);
            var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path), OpenFlags.ReadWrite, 0, out var device);
            if (errno != Errno.None)
                continue; // let go meanwhile, or not ours to see
            if (LoopCalls.TryGetStatus(device!, out ulong inode, out ulong deviceNumber, out int flags) == Errno.None
                && inode == status.Inode && deviceNumber == KernelNumberOf(status.Device) && (flags & LoopCalls.ReadOnly) == 0)
                return new LoopDevice(path, device!);
            device!.Dispose();
        }
        return null;
    }

    /// <summary>A device number as the loop driver tells it (linux/kdev_t.h, new_encode_dev).</summary>
    private static ulong KernelNumberOf(ulong device)
    {
        ulong major = device >> 32, minor = device & uint.MaxValue;
        return (minor & 0xFF) | (major << 8) | ((minor & ~0xFFUL) << 12);
    }

    private static LoopDevice Attach(string file, int flags)
    {
        using var opened = FileCalls.Open(file, (flags & LoopCalls.ReadOnly) != 0 ? OpenFlags.ReadOnly : OpenFlags.ReadWrite);
        FileDescriptor control;
        try
        {
            control = FileCalls.Open(Control, OpenFlags.ReadWrite);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENXIO or Errno.ENODEV)
        {
            throw StrataException.NotSupported(
                $"Can't bind {file} to a loop device: there is no {Control}. Load the module (modprobe loop), or give this container the device.", e);
        }
        using (control)
        {
            for (int attempt = 1; ; attempt++)
            {
                var errno = LoopCalls.TryGetFree(control, out int number);
                if (errno != Errno.None)
                    throw new LinuxException(errno, "LOOP_CTL_GET_FREE", Control);
                string path = string.Create(CultureInfo.InvariantCulture, $"/dev/loop{number}");
                errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path), (flags & LoopCalls.ReadOnly) != 0 ? OpenFlags.ReadOnly : OpenFlags.ReadWrite, 0, out var found);
                if (errno == Errno.ENXIO && attempt < MaxAttempts)
                    continue; // another process was given it, and is just letting it go
                if (errno != Errno.None)
                    throw new LinuxException(errno, "open", path);
                var device = found!;
                errno = LoopCalls.TryConfigure(device, opened, flags | LoopCalls.AutoClear, BlockSizeBytes);
                if (errno == Errno.None)
                    return new LoopDevice(path, device);
                device.Dispose();
                // Another process was given the same device and was faster.
                if (errno != Errno.EBUSY || attempt == MaxAttempts)
                    throw new LinuxException(errno, "LOOP_CONFIGURE", path + " for " + file);
            }
        }
    }

    /// <summary>Lets the device go; a mount that was made of it keeps it until it is unmounted.</summary>
    public void Dispose() => _device.Dispose();
}
