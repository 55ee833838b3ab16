namespace Strata.Linux;

/// <summary>ioctl_ficlone(2), copy_file_range(2): copies inside the kernel.</summary>
public static unsafe class CopyCalls
{
    /// <summary>FICLONE (linux/fs.h): _IOW(0x94, 9, int).</summary>
    private const nuint FiClone = 0x40049409;

    /// <summary>Makes the destination share all data of the source (btrfs, xfs with reflink, overlay on them).</summary>
    /// <returns>EOPNOTSUPP, EXDEV, EINVAL or ENOTTY where that can't be.</returns>
    public static Errno TryClone(FileDescriptor source, FileDescriptor destination) =>
        Native.ioctl(destination.Number, FiClone, (nuint)source.Number) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>Copies a stretch at the same offset of both files; returns errno. Falls back to reading and writing.</summary>
    public static Errno TryCopyRange(FileDescriptor source, FileDescriptor destination, DataExtent extent, Span<byte> buffer)
    {
        long offset = extent.OffsetBytes;
        long left = extent.LengthBytes;
        bool inKernel = true;
        while (left > 0)
        {
            if (inKernel)
            {
                long from = offset, to = offset;
                nint n = Native.copy_file_range(source.Number, &from, destination.Number, &to, (nuint)Math.Min(left, 1 << 30), 0);
                if (n > 0)
                {
                    offset += n;
                    left -= n;
                    continue;
                }
                if (n == 0)
                    return Errno.None; // the source became shorter
                var errno = Native.LastErrno;
                if (errno == Errno.EINTR)
                    continue;
                if (errno is not (Errno.EXDEV or Errno.EOPNOTSUPP or Errno.EINVAL or Errno.ENOSYS))
                    return errno;
                inKernel = false;
            }
            int read = FileCalls.ReadAt(source, buffer[..(int)Math.Min(left, buffer.Length)], offset);
            if (read == 0)
                return Errno.None;
            var written = FileCalls.TryWriteAllAt(destination.Number, buffer[..read], offset);
            if (written != Errno.None)
                return written;
            offset += read;
            left -= read;
        }
        return Errno.None;
    }
}
