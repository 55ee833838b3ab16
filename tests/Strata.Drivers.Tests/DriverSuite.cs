using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>What every driver must do, whatever it is and wherever it lies. Each driver and file system is a class that derives from this.</summary>
public abstract partial class DriverSuite : IDisposable
{
    /// <summary>A driver for one test.</summary>
    protected DriverSuite(FileSystems fileSystems, string driver, string fileSystem)
    {
        FileSystem = fileSystems.Of(fileSystem);
        Rig = new Rig(driver, FileSystem);
    }

    /// <summary>The rig.</summary>
    protected Rig Rig { get; }

    /// <summary>Where it lies.</summary>
    protected LoopFileSystem FileSystem { get; }

    /// <summary>The driver.</summary>
    protected IDriver Driver => Rig.Driver;

    /// <summary>Ends the test; nothing may stay mounted.</summary>
    public void Dispose()
    {
        Rig.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>An ID.</summary>
    protected static LayerId Id(string text) => LayerId.Parse(text);

    /// <summary>Asserts the kind of the error that a call ends with.</summary>
    protected static StrataException Fails(ErrorKind kind, Action call)
    {
        var e = Assert.ThrowsAny<StrataException>(call);
        Assert.True(kind == e.Kind, $"expected {kind}, was {e.Kind}: {e.Message}");
        return e;
    }
}

public sealed class OverlayOnExt4(FileSystems fileSystems) : DriverSuite(fileSystems, "overlay", "ext4");

public sealed class OverlayOnXfs(FileSystems fileSystems) : DriverSuite(fileSystems, "overlay", "xfs");

public sealed class OverlayOnBtrfs(FileSystems fileSystems) : DriverSuite(fileSystems, "overlay", "btrfs");

public sealed class OverlayOnTmpfs(FileSystems fileSystems) : DriverSuite(fileSystems, "overlay", "tmpfs");

public sealed class VfsOnExt4(FileSystems fileSystems) : DriverSuite(fileSystems, "vfs", "ext4");

public sealed class VfsOnXfs(FileSystems fileSystems) : DriverSuite(fileSystems, "vfs", "xfs");

public sealed class VfsOnBtrfs(FileSystems fileSystems) : DriverSuite(fileSystems, "vfs", "btrfs");

public sealed class VfsOnTmpfs(FileSystems fileSystems) : DriverSuite(fileSystems, "vfs", "tmpfs");

public sealed class BtrfsOnBtrfs(FileSystems fileSystems) : DriverSuite(fileSystems, "btrfs", "btrfs");

public sealed class ErofsOnExt4(FileSystems fileSystems) : DriverSuite(fileSystems, "erofs", "ext4");

public sealed class ErofsOnXfs(FileSystems fileSystems) : DriverSuite(fileSystems, "erofs", "xfs");

public sealed class ErofsOnBtrfs(FileSystems fileSystems) : DriverSuite(fileSystems, "erofs", "btrfs");

public sealed class ErofsOnTmpfs(FileSystems fileSystems) : DriverSuite(fileSystems, "erofs", "tmpfs");

public sealed class NaiveOverlayOnExt4(FileSystems fileSystems) : DriverSuite(fileSystems, "naive", "ext4");

public sealed class FuseOverlayOnExt4(FileSystems fileSystems) : DriverSuite(fileSystems, "fuse-overlayfs", "ext4");
