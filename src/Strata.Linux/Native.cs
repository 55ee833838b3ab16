using System.Runtime.InteropServices;

namespace Strata.Linux;

/// <summary>The imports. Everything else in this room gives them types and errors.</summary>
#pragma warning disable SA1300, IDE1006 // the names are those of the C library
internal static unsafe partial class Native
{
    private const string C = "libc";

    [LibraryImport(C, SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int openat(int dirfd, ref byte path, int flags, uint mode);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint pread(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint pwrite(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport(C, SetLastError = true)]
    internal static partial long lseek(int fd, long offset, int whence);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int ftruncate(int fd, long length);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int mkdirat(int dirfd, ref byte path, uint mode);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int mknodat(int dirfd, ref byte path, uint mode, ulong dev);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int unlinkat(int dirfd, ref byte path, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int symlinkat(ref byte target, int dirfd, ref byte path);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int linkat(int olddirfd, ref byte oldpath, int newdirfd, ref byte newpath, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int renameat2(int olddirfd, ref byte oldpath, int newdirfd, ref byte newpath, uint flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint readlinkat(int dirfd, ref byte path, byte* buffer, nuint size);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fchownat(int dirfd, ref byte path, uint uid, uint gid, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fchown(int fd, uint uid, uint gid);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fchmod(int fd, uint mode);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fchmodat(int dirfd, ref byte path, uint mode, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int utimensat(int dirfd, byte* path, TimeSpec* times, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int futimens(int fd, TimeSpec* times);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int statx(int dirfd, ref byte path, int flags, uint mask, StatxBuffer* buffer);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fstatfs(int fd, StatFsBuffer* buffer);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fsync(int fd);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fdatasync(int fd);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int syncfs(int fd);

    [LibraryImport(C)]
    internal static partial int posix_fadvise(int fd, long offset, long length, int advice);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int sync_file_range(int fd, long offset, long length, uint flags);

    [LibraryImport(C)]
    internal static partial int posix_fallocate(int fd, long offset, long length);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fallocate(int fd, int mode, long offset, long length);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint copy_file_range(int fdIn, long* offIn, int fdOut, long* offOut, nuint length, uint flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint sendfile(int fdOut, int fdIn, long* offset, nuint count);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int ioctl(int fd, nuint request, nuint argument);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int flock(int fd, int operation);

    [LibraryImport(C)]
    internal static partial uint geteuid();

    [LibraryImport(C)]
    internal static partial uint getegid();

    [LibraryImport(C, SetLastError = true)]
    internal static partial int mount(byte* source, ref byte target, byte* type, nuint flags, byte* data);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int umount2(ref byte target, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint fgetxattr(int fd, ref byte name, byte* value, nuint size);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fsetxattr(int fd, ref byte name, byte* value, nuint size, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint lgetxattr(ref byte path, ref byte name, byte* value, nuint size);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int lsetxattr(ref byte path, ref byte name, byte* value, nuint size, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint llistxattr(ref byte path, byte* list, nuint size);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fremovexattr(int fd, ref byte name);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int lremovexattr(ref byte path, ref byte name);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int getrlimit(int resource, ulong* limits);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int setrlimit(int resource, ulong* limits);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int clone(nint entry, byte* stackTop, int flags, nint argument);

    [LibraryImport(C)]
    internal static partial int pthread_sigmask(int how, ulong* set, ulong* old);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int kill(int process, int signal);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int waitpid(int process, int* status, int options);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int execve(byte* path, byte** arguments, byte** environment);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int chroot(ref byte path);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int chdir(ref byte path);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int setsid();

    [LibraryImport(C, SetLastError = true)]
    internal static partial int setpriority(int which, int who, int priority);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int dup2(int fd, int other);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int fcntl(int fd, int command, int argument);

    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint syscall3(nint number, nint a, nint b, nint c);

    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint syscall5(nint number, nint a, nint b, nint c, nint d, nint e);

    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint syscall6(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    internal static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();
}
