using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.FuseOverlay;

/// <summary>What this machine and this process can do with fuse-overlayfs.</summary>
internal static class FuseFeatures
{
    internal const string Program = "fuse-overlayfs";

    /// <summary>Why owners are not mapped by mounts: the kernel maps no file system of a program that does not ask for it.</summary>
    internal const string CantMap = "fuse-overlayfs can't be mounted with other owners.";

    private const string Name = "fuse-overlayfs";

    /// <summary>Throws the right one of the three errors if it can't serve for a home.</summary>
    internal static void Require(string home)
    {
        if (FuseMounts.FindProgram(Program) is null)
            throw DriverUnusableException.NotSupported(Name, "the program fuse-overlayfs is not on the PATH. Install it (Debian: fuse-overlayfs).");
        if (!ProcessCalls.CanOwn)
            throw DriverUnusableException.Prerequisites(Name, "layers have files of many owners: it needs root, or a user namespace with many IDs (strata unshare; ranges in /etc/subuid and /etc/subgid).");
        const string device = "/dev/fuse";
        var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(device), OpenFlags.ReadWrite, 0, out var opened);
        opened?.Dispose();
        if (errno is Errno.ENOENT or Errno.ENXIO or Errno.ENODEV)
            throw DriverUnusableException.NotSupported(Name, $"there is no {device}. Load the kernel's module (modprobe fuse).");
        if (errno != Errno.None)
            throw DriverUnusableException.Prerequisites(Name, $"{device} can't be opened ({errno}). Let everybody open it, as distributions do (chmod 666 {device}).");
        if (home.AsSpan().IndexOfAny(':', ',', '\\') >= 0)
            throw DriverUnusableException.IncompatibleFileSystem(Name, $"'{home}' holds a colon, a comma or a backslash, which the program's options have no form for. Choose another root.");
        // Not tried there: a fuse-overlayfs below that refuses a whiteout forgets what else is in the directory.
        if (FsMagic.Of(home) == FsMagic.Fuse)
            throw DriverUnusableException.IncompatibleFileSystem(Name, $"{home} is on {FsMagic.Fuse}, which can't hold an upper directory. Put the root on ext4, xfs, btrfs or tmpfs.");
        if (!MakesWhiteouts(home))
            throw DriverUnusableException.Prerequisites(Name, "whiteouts can't be made there (a character device 0:0). Linux 5.8 lets everybody make them, on ext4, xfs, btrfs and tmpfs.");
    }

    private static bool MakesWhiteouts(string home)
    {
        string? there = Path.GetFullPath(home);
        while (there is not null && !Directory.Exists(there))
            there = Path.GetDirectoryName(there);
        byte[] name = System.Text.Encoding.UTF8.GetBytes(Path.Combine(there ?? "/", ".strata-probe-" + LayerId.New().ToString()[..8]));
        if (NameCalls.TryMakeNode(FileCalls.CurrentDirectory, name, NameCalls.TypeCharDevice, 0, 0) != Errno.None)
            return false;
        return NameCalls.TryUnlink(FileCalls.CurrentDirectory, name) == Errno.None;
    }
}
