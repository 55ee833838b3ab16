using Strata.Drivers.FuseOverlay;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>
/// The same layers stacked by the program fuse-overlayfs: for who is no root and whose kernel refuses overlayfs. It differs in its marks, and in that every
/// look at a stack is a mount at a directory, with a process behind it.
/// </content>
public sealed partial class OverlayDriver
{
    private static readonly string[] FuseNames = ["fuse-overlayfs"];

    /// <summary>Opens the driver that stacks by fuse-overlayfs; its options begin with <c>fuse-overlayfs.</c></summary>
    /// <exception cref="DriverUnusableException">It can't serve here, and why.</exception>
    /// <exception cref="StrataException">InvalidArgument: an option is not known.</exception>
    public static OverlayDriver OverFuse(string home, DriverOptions options)
    {
        FuseFeatures.Require(home);
        return new OverlayDriver(FuseNames, home, options, new OverlayFeatures(false, false, false, false), new FuseOverlayMarks(), fuse: true);
    }

    private StatusItem[] FuseStatus() =>
    [
        new("Backing Filesystem", FsMagic.Of(Home).ToString()),
        new("Supports d_type", OverlayFeatures.TellsTypes(Home) ? "true" : "false"),
        new("Program", FuseMounts.FindProgram(FuseFeatures.Program) ?? "missing"),
        new("Native Overlay Diff", "true"),
        new("volatile", _volatile ? "true" : "false"),
        Quotas.LayerQuota.Status(Home, images: false),
        MappingStatus(),
    ];

    private Mount FuseMount(OverlayLowers lowers, LayerId? written, LayerId id)
    {
        if (written is null)
            lowers = WithItself(id, lowers);
        string[] stack = [.. lowers.Own, .. lowers.Directories];
        if (written is not { } upper)
            return new Mount(FuseMounts.TypeOf(FuseFeatures.Program), "overlay", "", ["lowerdir=" + string.Join(':', stack), "ro", .. _moreOptions]);
        string[] options = ["lowerdir=" + string.Join(':', stack), "upperdir=" + _layout.Diff(upper), "workdir=" + _layout.Work(upper), .. _volatile ? ["volatile"] : (string[])[], .. _moreOptions];
        return new Mount(FuseMounts.TypeOf(FuseFeatures.Program), "overlay", "", options);
    }

    /// <summary>A look at a stack: mounted in a temporary directory until it is disposed.</summary>
    private RootDirectory OpenFuseView(Mount mount)
    {
        var place = TemporaryDirectory.Create(_temporary, RemoveTemporary);
        string point = Path.Combine(place.Path, "view");
        try
        {
            Directory.CreateDirectory(point);
            Mounter.Mount([mount], point);
        }
        catch
        {
            place.Dispose();
            throw;
        }
        return RootDirectory.Open(point, place);
    }

    /// <summary>What was mounted in a temporary directory goes first: lazily, since the program may still have something open in it.</summary>
    private static void RemoveTemporary(string path)
    {
        string point = Path.Combine(path, "view");
        if (MountPoints.Is(point))
            Mounter.Unmount(point, lazy: true);
        Quotas.LoopImages.UnmountIn(path);
        Quotas.ProjectQuota.DeleteWithProjects(path, TreeRemover.Remove);
    }
}
