using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>A system call that failed: which, on what, and with what errno.</summary>
/// <remarks>Trees and drivers give it meaning where they can; its <see cref="StrataException.Kind"/> serves where they can't.</remarks>
public sealed class LinuxException : StrataException
{
    /// <summary>Makes an exception of a failed call.</summary>
    /// <param name="errno">What the kernel said.</param>
    /// <param name="call">The name of the call.</param>
    /// <param name="path">What it was made on, to show; or null.</param>
    public LinuxException(Errno errno, string call, string? path = null)
        : base(KindOf(errno), $"{call}{(path is null ? "" : " " + path)}: {Marshal.GetPInvokeErrorMessage((int)errno)} ({errno}){AdviceOf(errno)}")
    {
        Errno = errno;
        Call = call;
        Path = path;
    }

    /// <summary>What the kernel said.</summary>
    public Errno Errno { get; }

    /// <summary>The name of the call.</summary>
    public string Call { get; }

    /// <summary>What it was made on, or null.</summary>
    public string? Path { get; }

    /// <summary>The one place where errno gets a kind.</summary>
    public static ErrorKind KindOf(Errno errno) => errno switch
    {
        Errno.ENOENT or Errno.ENODATA or Errno.ESTALE => ErrorKind.NotFound,
        Errno.EEXIST or Errno.ENOTEMPTY => ErrorKind.AlreadyExists,
        Errno.EPERM or Errno.EACCES => ErrorKind.PermissionDenied,
        Errno.ENOSPC or Errno.EDQUOT or Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM or Errno.EFBIG or Errno.EMLINK => ErrorKind.Exhausted,
        Errno.EBUSY or Errno.EROFS => ErrorKind.FailedPrecondition,
        Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.ENOTTY or Errno.ENOTBLK => ErrorKind.NotSupported,
        Errno.EUCLEAN or Errno.EBADMSG or Errno.EIO => ErrorKind.Corrupt,
        Errno.ELOOP or Errno.EXDEV or Errno.ENAMETOOLONG or Errno.EINVAL or Errno.ENOTDIR or Errno.EISDIR or Errno.EOVERFLOW => ErrorKind.InvalidArgument,
        Errno.EAGAIN or Errno.EINTR => ErrorKind.Unavailable,
        _ => ErrorKind.Unknown,
    };

    private static string AdviceOf(Errno errno) => errno switch
    {
        Errno.ENOSPC => ". Free some space or inodes on that file system and try again",
        Errno.EDQUOT => ". The quota of this directory or user is used up",
        Errno.EMFILE => ". Raise the limit of open files (ulimit -n)",
        Errno.EROFS => ". The file system is read-only: choose another root or remount it read-write",
        _ => "",
    };
}
