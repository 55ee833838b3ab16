namespace Strata.Linux;

/// <summary>
/// Numbers of the calls that glibc 2.36 has no wrapper for. From 5.x on, new calls have the same number on every architecture
/// (include/uapi/asm-generic/unistd.h); getdents64 is older and differs.
/// </summary>
internal static class SyscallNumbers
{
    internal const nint OpenTree = 428;
    internal const nint MoveMount = 429;
    internal const nint FsOpen = 430;
    internal const nint FsConfig = 431;
    internal const nint FsMount = 432;
    internal const nint OpenAt2 = 437;
    internal const nint MountSetAttr = 442;
    internal const nint QuotaCtlFd = 443;
    internal const nint FChmodAt2 = 452;
    internal const nint SetXattrAt = 463;
    internal const nint GetXattrAt = 464;
    internal const nint ListXattrAt = 465;
    internal const nint RemoveXattrAt = 466;

    internal static readonly nint GetDents64 =
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64 ? 217 : 61;
}
