namespace Strata.Linux;

/// <summary>ioctl_ficlone(2), copy_file_range(2): copies inside the kernel.</summary>
public static unsafe class CopyCalls
{
    /// <summary>FICLONE (linux/fs.h): _IOW(0x94, 9, int).</summary>
    private const nuint FiClone = 0x40049409;

    /// <summary>FICLONERANGE (linux/fs.h): _IOW(0x94, 13, struct file_clone_range).</summary>
    private const nuint FiCloneRange = 0x4020940D;

    /// <summary>Makes the destination share all data of the source (btrfs, xfs with reflink, overlay on them).</summary>
    /// <returns>EOPNOTSUPP, EXDEV, EINVAL or ENOTTY where that can't be.</returns>
    public static Errno TryClone(FileDescriptor source, FileDescriptor destination) =>
        Native.ioctl(destination.Number, FiClone, (nuint)source.Number) == 0 ? Errno.None : Native.LastErrno;

    /// <summary>Makes the destination share a stretch of the source's data; offsets and length are whole blocks, or it reaches the source's end.</summary>
    /// <param name="source">The source.</param>
    /// <param name="extent">The stretch; a length of 0: to the end.</param>
    /// <param name="destination">The destination, on the same file system.</param>
    /// <param name="destinationOffsetBytes">Where in it.</param>
    /// <returns>EOPNOTSUPP, EXDEV, EINVAL or ENOTTY where that can't be.</returns>
    public static Errno TryCloneRange(FileDescriptor source, DataExtent extent, FileDescriptor destination, long destinationOffsetBytes)
    {
        var range = new CloneRange
        {
            SourceFile = source.Number,
            SourceOffset = (ulong)extent.OffsetBytes,
            SourceLength = (ulong)extent.LengthBytes,
            DestinationOffset = (ulong)destinationOffsetBytes,
        };
        return Native.ioctl(destination.Number, FiCloneRange, (nuint)(&range)) == 0 ? Errno.None : Native.LastErrno;
    }

    /// <summary>Sends a stretch of a file into whatever a descriptor is, a pipe or socket too, inside the kernel (sendfile(2)); returns errno.</summary>
    /// <param name="source">The source, which its offset does not matter to.</param>
    /// <param name="extent">The stretch.</param>
    /// <param name="destination">Where it goes; at its own offset.</param>
    /// <param name="sentBytes">How much went; less than asked for: the source ended, or an error.</param>
    public static Errno TrySend(FileDescriptor source, DataExtent extent, FileDescriptor destination, out long sentBytes)
    {
        sentBytes = 0;
        long offset = extent.OffsetBytes;
        while (sentBytes < extent.LengthBytes)
        {
            nint n = Native.sendfile(destination.Number, source.Number, &offset, (nuint)Math.Min(extent.LengthBytes - sentBytes, 1 << 30));
            if (n > 0)
            {
                sentBytes += n;
                continue;
            }
            if (n == 0)
                return Errno.None;
            var errno = Native.LastErrno;
            if (errno != Errno.EINTR)
                return errno;
        }
        return Errno.None;
    }

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
