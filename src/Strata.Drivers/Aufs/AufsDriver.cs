using Strata.Drivers.Overlay;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Aufs;

/// <summary>Layers as branches that aufs stacks, in the layout of Docker's aufs driver (<see cref="AufsLayout"/>).</summary>
/// <remarks>
/// aufs is in no mainline kernel. Where it is missing, a home that holds layers still opens: layers are created, applied, compared, saved and
/// removed, and read through overlayfs over views of the branches; only <see cref="ProtoDriver.Get"/> of a layer that has a parent fails.
/// A home without layers is refused there, so that nobody begins a store that can't be mounted.
/// </remarks>
public sealed partial class AufsDriver : ProtoDriver, IDriver
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly AufsLayout _layout;
    private readonly OverlayMarks _marks = new(userXattr: false);
    private readonly AufsMarks _translation;
    private readonly string _temporary;

    /// <summary>Opens the driver.</summary>
    /// <exception cref="DriverUnusableException">It can't serve here, and why.</exception>
    /// <exception cref="StrataException">InvalidArgument: an option is not known.</exception>
    public AufsDriver(string home, DriverOptions options)
        : base("aufs", Checked(home))
    {
        options.For(["aufs"]);
        _layout = new AufsLayout(Home);
        _translation = new AufsMarks(_marks);
        _temporary = Path.Combine(Home, ".tmp");
        foreach (string directory in new[] { _layout.Layers, _layout.Diffs, _layout.Mounts })
            Directory.CreateDirectory(directory, Private);
    }

    /// <inheritdoc/>
    public override DriverCapabilities Capabilities { get; } = new() { NeedsMounts = true };

    private static bool KernelHasAufs => File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\taufs", StringComparison.Ordinal));

    /// <inheritdoc/>
    public override bool Exists(LayerId id) => _layout.Exists(id);

    /// <inheritdoc/>
    public override IReadOnlyList<LayerId> List() => [.. NamedBy(Directory.EnumerateFiles(_layout.Layers)).Where(_layout.Exists)];

    /// <inheritdoc/>
    /// <exception cref="DriverUnusableException">The kernel has no aufs, and the layer has a parent and is to be written to.</exception>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        var parents = _layout.ReadParents(id);
        if (parents.Count == 0)
            return Bind(_layout.Diff(id), request);
        if (!KernelHasAufs)
        {
            throw DriverUnusableException.NotSupported(
                "aufs", $"this kernel has no aufs (/proc/filesystems), so layer {id} can't be mounted. Its content can be read all the same: 'strata diff', 'strata save'; load it into a store of another driver to use it.");
        }
        return AufsOptions.Make(_layout.Diff(id), [.. parents.Select(_layout.Diff)], request.ReadOnly, request.MountLabel, Environment.SystemPageSize);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StatusItem> GetStatus() =>
    [
        new StatusItem("Root Dir", Home),
        new StatusItem("Backing Filesystem", FsMagic.Of(Home).ToString()),
        new StatusItem("Dirs", List().Count.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        new StatusItem("Kernel has aufs", KernelHasAufs ? "true" : "false: layers can be read, not mounted"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id)
    {
        RequireExists(id);
        return new Dictionary<string, string> { ["DiffDir"] = _layout.Diff(id), ["MountDir"] = _layout.Mount(id) };
    }

    /// <inheritdoc/>
    public override Usage GetUsage(LayerId id, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        using var root = RootDirectory.Open(_layout.Diff(id));
        return TreeUsage.Measure(root, cancellationToken);
    }

    /// <inheritdoc/>
    public override void Cleanup()
    {
        base.Cleanup();
        TemporaryDirectory.Sweep(_temporary);
        // Lists whose branch is gone: a crash between the two steps of making or removing.
        foreach (string list in Directory.EnumerateFiles(_layout.Layers))
        {
            if (!Directory.Exists(Path.Combine(_layout.Diffs, Path.GetFileName(list))))
                File.Delete(list);
        }
    }

    /// <inheritdoc/>
    protected override string MountPointOf(LayerId id) => _layout.Mount(id);

    /// <inheritdoc/>
    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        foreach (var (key, _) in options.StorageOptions)
            throw StrataException.InvalidArgument($"The aufs driver has no storage option '{key}': it limits no layer's size.");
        using var temporary = TemporaryDirectory.Create(_temporary);
        string diff = Path.Combine(temporary.Path, "diff");
        Directory.CreateDirectory(diff);
        using (var root = FileCalls.Open(diff, OpenFlags.ReadOnly | OpenFlags.Directory))
        {
            var errno = AttributeCalls.TryChmod(root.Number, 0x1ED); // 0755, whatever the umask
            if (errno != Errno.None)
                throw new LinuxException(errno, "chmod", diff);
            if (parent is { } below)
                InheritRoot(below, root);
            else
                GiveLabel(diff, options);
        }
        // The list first: a branch without one is no layer, a list without a branch is swept.
        _layout.WriteParents(id, parent is { } p ? [p, .. _layout.ReadParents(p)] : []);
        Directory.CreateDirectory(_layout.Mount(id), Private);
        NameCalls.Rename(diff, _layout.Diff(id), NameCalls.RenameNoReplace);
    }

    /// <inheritdoc/>
    protected override void SweepUnfinished()
    {
        base.SweepUnfinished();
        TemporaryDirectory.Sweep(_temporary);
    }

    /// <inheritdoc/>
    protected override void RemoveLayer(LayerId id)
    {
        MoveToTrash(_layout.Diff(id));
        File.Delete(_layout.List(id));
        if (Directory.Exists(_layout.View(id)))
            MoveToTrash(_layout.View(id));
        TreeRemover.Remove(_layout.Mount(id));
    }

    private static string Checked(string home)
    {
        bool used = Directory.Exists(Path.Combine(home, "layers")) && Directory.EnumerateFileSystemEntries(Path.Combine(home, "layers")).Any();
        if (!KernelHasAufs && !used)
        {
            throw DriverUnusableException.NotSupported(
                "aufs", "this kernel has no aufs (/proc/filesystems), which is in no mainline kernel. Use the overlay driver, or a kernel with the aufs patches (modprobe aufs).");
        }
        if (!ProcessCalls.CanMount)
            throw DriverUnusableException.Prerequisites("aufs", "mounting needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver.");
        var magic = FsMagic.Of(home);
        if (magic == FsMagic.Aufs || magic == FsMagic.Btrfs || magic == FsMagic.Ecryptfs || magic == FsMagic.Overlay)
            throw DriverUnusableException.IncompatibleFileSystem("aufs", $"{home} is on {magic}, which can't hold aufs's branches. Put the root on ext4 or xfs.");
        return home;
    }

    /// <summary>The attributes of a stack's root are those of its topmost branch's: a layer that does not set them itself has a copy of its parent's.</summary>
    private void InheritRoot(LayerId parent, FileDescriptor to)
    {
        using var from = FileCalls.Open(_layout.Diff(parent), OpenFlags.ReadOnly | OpenFlags.Directory);
        AufsMarks.CopyRoot(from, to);
    }
}
