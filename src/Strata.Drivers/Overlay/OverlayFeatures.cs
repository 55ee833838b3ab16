using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>What this kernel and this process can do with overlayfs: found out once.</summary>
/// <param name="UserXattr">Marks must be in <c>user.overlay.</c>: this is a user namespace.</param>
/// <param name="CanTurnIndexOff">The kernel knows <c>index</c>.</param>
/// <param name="CanTurnRedirectOff">The kernel knows <c>redirect_dir</c>.</param>
/// <param name="CanTurnMetacopyOff">The kernel knows <c>metacopy</c>.</param>
internal sealed record OverlayFeatures(bool UserXattr, bool CanTurnIndexOff, bool CanTurnRedirectOff, bool CanTurnMetacopyOff)
{
    private const string Parameters = "/sys/module/overlay/parameters/";
    private static readonly Lazy<OverlayFeatures> Found = new(Find);

    internal static OverlayFeatures Current => Found.Value;

    /// <summary>Throws the right one of the three errors if overlayfs can't serve for a home.</summary>
    internal static void Require(string home)
    {
        if (!File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\toverlay", StringComparison.Ordinal)))
            throw DriverUnusableException.NotSupported("overlay", "this kernel has no overlayfs (/proc/filesystems). Load its module (modprobe overlay).");
        if (!ProcessCalls.CanMount)
            throw DriverUnusableException.Prerequisites("overlay", "mounting needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver.");
        var magic = FsMagic.Of(home);
        if (magic == FsMagic.Overlay || magic == FsMagic.Aufs || magic == FsMagic.Ecryptfs || magic == FsMagic.Nfs || magic == FsMagic.Fuse || magic == FsMagic.Smb2)
            throw DriverUnusableException.IncompatibleFileSystem("overlay", $"{home} is on {magic}, which can't hold an upper directory. Put the root on ext4, xfs, btrfs or tmpfs.");
        if (!ProcessCalls.IsInitialNamespace)
            RequireInNamespace(home);
    }

    /// <summary>In a user namespace kernels before 5.11 refuse overlayfs, and others may be told to: asked by mounting one.</summary>
    private static void RequireInNamespace(string home)
    {
        string there = Path.GetFullPath(home);
        while (!Directory.Exists(there))
            there = Path.GetDirectoryName(there)!;
        string place = Path.Combine(there, ".strata-probe-" + LayerId.New().ToString()[..8]);
        try
        {
            string[] lowers = [Path.Combine(place, "1"), Path.Combine(place, "2")];
            foreach (string lower in lowers)
                Directory.CreateDirectory(lower);
            Mounter.MountDetached(OverlayOptions.ReadOnly(Current, new OverlayLowers(lowers), [], null)).Dispose();
        }
        catch (StrataException e) when (e.Kind is ErrorKind.PermissionDenied or ErrorKind.InvalidArgument or ErrorKind.NotSupported)
        {
            throw DriverUnusableException.Prerequisites("overlay", $"the kernel refuses it in this user namespace (allowed from Linux 5.11 on): {e.Message} Use the fuse-overlayfs driver.");
        }
        finally
        {
            TreeRemover.Remove(place);
        }
    }

    /// <summary>True if the directory's file system tells types with names (d_type), without which whiteouts are seen.</summary>
    internal static bool TellsTypes(string directory)
    {
        using var opened = FileCalls.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var reader = new DirectoryReader(opened);
        return !reader.MoveNext() || reader.Type != 0;
    }

    private static OverlayFeatures Find()
    {
        return new OverlayFeatures(
            UserXattr: !ProcessCalls.IsInitialNamespace, File.Exists(Parameters + "index"), File.Exists(Parameters + "redirect_dir"), File.Exists(Parameters + "metacopy"));
    }
}
