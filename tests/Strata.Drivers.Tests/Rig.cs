using Strata.Drivers.Btrfs;
using Strata.Drivers.Erofs;
using Strata.Drivers.Overlay;
using Strata.Drivers.Vfs;
using Strata.Formats.Tar;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <summary>A driver of one kind with a home of its own on one file system, and what tests do with it. Gone, with all its mounts, when it is disposed.</summary>
public sealed class Rig : IDisposable
{
    /// <summary>The combinations that the suite runs for.</summary>
    public static readonly (string Driver, string FileSystem)[] All =
    [
        ("overlay", "ext4"), ("overlay", "xfs"), ("overlay", "btrfs"), ("overlay", "tmpfs"),
        ("vfs", "ext4"), ("vfs", "xfs"), ("vfs", "btrfs"), ("vfs", "tmpfs"),
        ("naive", "ext4"), ("fuse-overlayfs", "ext4"),
        ("btrfs", "btrfs"),
        ("erofs", "ext4"), ("erofs", "xfs"), ("erofs", "btrfs"), ("erofs", "tmpfs"),
    ];

    /// <summary>Makes one.</summary>
    /// <param name="kind"><c>overlay</c>, <c>vfs</c>, <c>btrfs</c>, <c>erofs</c>, or <c>naive</c>: overlay, its differences found by comparing.</param>
    /// <param name="fileSystem">Where its home lies.</param>
    /// <param name="options">Options of the driver.</param>
    public Rig(string kind, LoopFileSystem fileSystem, params string[] options)
    {
        Kind = kind;
        Outside = fileSystem.NewDirectory();
        Home = Path.Combine(Outside, "home");
        Driver = Open(options);
    }

    /// <summary>The kind of driver.</summary>
    public string Kind { get; }

    /// <summary>The directory around the home.</summary>
    public string Outside { get; }

    /// <summary>The driver's home.</summary>
    public string Home { get; }

    /// <summary>The driver.</summary>
    public IDriver Driver { get; }

    /// <summary>The driver in another object, as another process has it.</summary>
    public IDriver Open(params string[] options) => Open(Kind, Home, options);

    /// <summary>Opens a driver by its kind.</summary>
    public static IDriver Open(string kind, string home, params string[] options) => kind switch
    {
        "overlay" => new OverlayDriver(home, DriverOptions.Parse(options)),
        "btrfs" => new BtrfsDriver(home, DriverOptions.Parse(options)),
        "erofs" => new ErofsDriver(home, DriverOptions.Parse(options)),
        "fuse-overlayfs" => OverlayDriver.OverFuse(home, DriverOptions.Parse(options)),
        "naive" => new NaiveDiffDriver(new OverlayDriver(home, DriverOptions.Parse(options))),
        _ => VfsDriver.Init(home, DriverOptions.Parse(options)),
    };

    /// <summary>An ID.</summary>
    public static LayerId Id(string text) => LayerId.Parse(text);

    /// <summary>Makes a layer of a tar.</summary>
    public LayerId Apply(string id, LayerId? parent, TarBuilder tar, ApplyOptions? options = null)
    {
        Driver.Create(Id(id), parent);
        Driver.ApplyDiff(Id(id), parent, tar.ToStream(), options);
        return Id(id);
    }

    /// <summary>Makes a layer by changing its root file system.</summary>
    public LayerId Make(string id, LayerId? parent, Action<Scene> change)
    {
        Driver.Create(Id(id), parent);
        Change(Id(id), change);
        return Id(id);
    }

    /// <summary>Changes a layer's root file system, then gives all its directories one time.</summary>
    public void Change(LayerId id, Action<Scene> change) => Use(id, root =>
    {
        var scene = new Scene(root);
        change(scene);
        scene.Seal();
        return 0;
    });

    /// <summary>Does something with the root file system of a layer.</summary>
    public T Use<T>(LayerId id, Func<string, T> use)
    {
        string root = Driver.Get(id);
        try
        {
            return use(root);
        }
        finally
        {
            Driver.Put(id);
        }
    }

    /// <summary>
    /// fuse-overlayfs (1.10) asks for a directory's bit in the mode of a name that it looks up, which a block device's mode has too: one of a lower layer that it had
    /// forgotten is not there any more.
    /// </summary>
    public bool FindsBlockDevicesBelow => Kind != "fuse-overlayfs";

    /// <summary>The longest name that can be made inside a mounted layer: fuse-overlayfs keeps four bytes for <c>.wh.</c></summary>
    public int MaxNameBytes => Kind == "fuse-overlayfs" ? 251 : 255;

    /// <summary>
    /// The layer's tree as lines. A layer's attributes that are named as fuse-overlayfs's marks are seen through it under other names; here they have their own, since that
    /// is told by a test of its own.
    /// </summary>
    public string Dump(LayerId id) => Use(id, root => Kind == "fuse-overlayfs"
        ? TreeDump.Of(root, true, "trusted.strata.overlay.", "security.selinux").Replace(" user.strata.overlay.", " user.overlay.", StringComparison.Ordinal)
        : TreeDump.Of(root, true, "trusted.overlay.", "security.selinux"));

    /// <summary>The difference as a tar; of an applied layer of a driver that keeps tars, that tar.</summary>
    public byte[] Diff(LayerId id, LayerId? parent, DiffOptions? options = null)
    {
        using var tar = new MemoryStream();
        Driver.Diff(id, parent, tar, options);
        return tar.ToArray();
    }

    /// <summary>The difference as a tar made of what is seen, also where the driver would give back the tar that it keeps.</summary>
    public byte[] DiffOfTrees(LayerId id, LayerId? parent)
    {
        using var tar = new MemoryStream();
        (Driver.Capabilities.ReproducesExactDiffs ? new NaiveDiffDriver(Driver) : Driver).Diff(id, parent, tar);
        return tar.ToArray();
    }

    /// <summary>The changes as text.</summary>
    public string[] Changes(LayerId id, LayerId? parent, DiffOptions? options = null) =>
        Driver.Changes(id, parent, options).Select(c => c.ToString()).ToArray();

    /// <summary>Applies a tar and gives it back from the layer's files.</summary>
    public byte[] RoundTrip(string id, LayerId? parent, byte[] tar)
    {
        Driver.Create(Id(id), parent);
        if (Driver.Capabilities.ReproducesExactDiffs)
        {
            Driver.ApplyDiff(Id(id), parent, new MemoryStream(tar));
            return Diff(Id(id), parent);
        }
        using var recipe = new MemoryStream();
        using (var recorder = new TarRecipeRecorder(recipe))
        {
            Driver.ApplyDiff(Id(id), parent, new MemoryStream(tar), new ApplyOptions { Recorder = recorder });
            recorder.Complete();
        }
        using var contents = Driver.OpenContents(Id(id));
        using var again = new MemoryStream();
        TarRecipe.Open(recipe).WriteTar(contents, again);
        return again.ToArray();
    }

    /// <summary>Unmounts and removes all; something still mounted is an error.</summary>
    public void Dispose()
    {
        using var closing = new Closing();
        var left = Mounts.AtOrBelow(Outside);
        closing.Do(() => Assert.Empty(left));
        foreach (string point in left.Reverse())
            closing.Do(() => Mounter.Unmount(point, lazy: true));
        if (Kind == "btrfs" && Directory.Exists(Home)) // read-only subvolumes are in the way of removing files
        {
            foreach (string subvolume in Directory.EnumerateDirectories(Home, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2, AttributesToSkip = FileAttributes.ReparsePoint }).ToArray())
                closing.Do(() => Subvolumes.Remove(subvolume));
        }
        closing.Do(() => TreeRemover.Remove(Outside));
    }
}
