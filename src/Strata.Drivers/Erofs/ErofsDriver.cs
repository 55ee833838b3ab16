using Strata.Drivers.Overlay;
using Strata.Drivers.Quotas;
using Strata.Formats.Erofs;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <summary>Layers that are never unpacked: each is its tar, which the kernel mounts by an EROFS index beside it (<see cref="ErofsHome"/>).</summary>
/// <remarks>
/// <para>
/// Applying a layer writes one file, removing it deletes a few, and its diff is that file. What is written to a layer that is no tar goes to a
/// directory, overlayfs's upper one, as in the overlay driver. A layer that was applied is read-only.
/// </para>
/// <para>
/// Options: <c>erofs.volatile=true</c>: writable layers are mounted without syncing, for layers that a power cut may take;
/// <c>erofs.mountopt=a,b</c>: more options for every overlay mount.
/// </para>
/// <para>
/// Needs CAP_SYS_ADMIN and Linux 6.12 (EROFS mounted from a file), or 6.4 and loop devices. Where that is missing a home that has layers still
/// opens: they can be read and saved, not mounted. Design: docs/design/erofs-layers.md.
/// </para>
/// </remarks>
public sealed partial class ErofsDriver : ProtoDriver, IDriver, IRebasingDriver
{
    private const string DriverName = "erofs";
    private readonly ErofsHome _layout;
    private readonly LoopImages _images;
    private readonly OverlayFeatures _features;
    private readonly OverlayMarks _marks;
    private readonly bool _volatile;
    private ErofsSupport? _support;
    private readonly string[] _moreOptions;
    private readonly ShiftedTrees _shifted;

    /// <summary>Opens the driver.</summary>
    /// <exception cref="DriverUnusableException">It can't serve here, and why.</exception>
    /// <exception cref="StrataException">InvalidArgument: an option is not known.</exception>
    public ErofsDriver(string home, DriverOptions options)
        : base(DriverName, Checked(home))
    {
        var mine = options.For([DriverName], "volatile", "mountopt");
        _volatile = mine.TryGetValue("volatile", out string? text) && (bool.TryParse(text, out bool on)
            ? on
            : throw StrataException.InvalidArgument($"erofs.volatile is true or false, not '{text}'."));
        _moreOptions = mine.TryGetValue("mountopt", out string? more) ? more.Split(',', StringSplitOptions.RemoveEmptyEntries) : [];
        _layout = new ErofsHome(Home);
        _images = new LoopImages(_layout.Of, WhileStill);
        _features = OverlayFeatures.Current;
        _marks = new OverlayMarks(_features.UserXattr);
        _lowers = new SharedMounts(_layout.Lowers);
        _chains = new SharedMounts(_layout.Chains);
        _shifted = new ShiftedTrees(Path.Combine(Home, ".shifted"), _layout.Temporary);
    }

    /// <inheritdoc/>
    public override DriverCapabilities Capabilities { get; } = new() { ReproducesExactDiffs = true, AppliesWithoutParent = true, NeedsMounts = true };

    /// <inheritdoc/>
    public override bool Exists(LayerId id) => _layout.Exists(id);

    /// <inheritdoc/>
    public override IReadOnlyList<LayerId> List() =>
        NamedBy(Directory.EnumerateDirectories(Home).Where(path => !ErofsHome.IsOurs(Path.GetFileName(path))));

    /// <inheritdoc/>
    public override IReadOnlyList<StatusItem> GetStatus() =>
    [
        new StatusItem("Backing Filesystem", FsMagic.Of(Home).ToString()),
        new StatusItem("Mounted from", DescribeSupport()),
        new StatusItem("Index format", ErofsHome.FormatVersion),
        new StatusItem("One index for a chain of more than", $"{MaxSeparateLowers} layers"),
        new StatusItem("volatile", _volatile ? "true" : "false"),
        MappingStatus(),
        LayerQuota.Status(Home, images: true),
    ];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id)
    {
        RequireExists(id);
        var metadata = new Dictionary<string, string> { ["MergedDir"] = _layout.Merged(id) };
        if (_layout.IsApplied(id))
        {
            metadata["Tar"] = _layout.Tar(id);
            metadata["Index"] = _layout.Index(id);
        }
        else
        {
            metadata["UpperDir"] = _layout.Diff(id);
            metadata["WorkDir"] = _layout.Work(id);
        }
        var lowers = _layout.ReadLowers(id);
        if (lowers.Count > 0)
            metadata["LowerDir"] = string.Join(':', lowers.Select(lower => _layout.IsApplied(lower) ? _layout.Tar(lower) : _layout.Diff(lower)));
        if (_images.Has(id))
            metadata["Image"] = _images.ImageOf(id);
        else
            LayerQuota.Describe(_layout.Diff(id), metadata);
        return metadata;
    }

    /// <inheritdoc/>
    public override Usage GetUsage(LayerId id, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        if (_images.Has(id))
            return TreeUsage.Measure(_images.ImageOf(id), cancellationToken); // what it takes here; as a file system it has inodes of its own
        using var root = RootDirectory.Open(_layout.IsApplied(id) || !Directory.Exists(_layout.Diff(id)) ? _layout.Of(id) : _layout.Diff(id));
        return TreeUsage.Measure(root, cancellationToken);
    }

    /// <inheritdoc/>
    public override void Cleanup()
    {
        base.Cleanup();
        _images.Sweep(List());
        SweepLowers();
        SweepShortNames();
        TemporaryDirectory.Sweep(_layout.Temporary, RemoveUnfinished);
    }

    /// <inheritdoc/>
    protected override string MountPointOf(LayerId id) => _layout.Merged(id);

    /// <inheritdoc/>
    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        var limits = StorageLimits.Read(Name, options, writable, images: true);
        if (ErofsHome.IsOurs(id.ToString()))
            throw StrataException.InvalidArgument($"'{id}' can't be a layer's ID in the erofs driver: a directory of its own has that name.");
        if (parent is { } shared)
            _images.RefuseAsParent(shared);
        using var temporary = TemporaryDirectory.Create(_layout.Temporary, RemoveUnfinished);
        ChangeMode(temporary.Path, 0x1C8); // 0710
        WriteLowers(temporary.Path, parent);
        if (writable || options.IdMapping is not null)
            MakeUpper(temporary.Path, parent, options, limits);
        NameCalls.Rename(temporary.Path, _layout.Of(id), NameCalls.RenameNoReplace);
    }

    /// <inheritdoc/>
    protected override void SweepUnfinished()
    {
        base.SweepUnfinished();
        SweepLowers();
        TemporaryDirectory.Sweep(_layout.Temporary, RemoveUnfinished);
    }

    /// <inheritdoc/>
    protected override void RemoveLayer(LayerId id)
    {
        _bases.TryRemove(id, out _);
        // Nobody's overlay lies on it any more; a user that died may have left it mounted, which would keep its space.
        void Move() => _chains.IfUnused(id, IsAlive, () =>
        {
            _images.BeforeRemove(id);
            _shifted.Forget(id, MoveToTrash);
            MoveToTrash(_layout.Of(id));
            DeleteShortName(id);
        });
        if (!_lowers.IfUnused(id, IsAlive, Move) || Exists(id))
            throw StrataException.FailedPrecondition($"Can't remove layer {id}: another layer that is mounted lies on it. Remove that first.");
    }

    /// <summary>Makes the directories that a layer needs to be written to, if they are not there.</summary>
    private void EnsureUpper(LayerId id)
    {
        if (Directory.Exists(_layout.Work(id)))
            return;
        using var locked = FileLock.Acquire(_layout.Lock(id));
        if (Directory.Exists(_layout.Work(id)))
            return;
        if (FindLostTar(id) is { } lost) // an empty layer in its place would hide it
            throw StrataException.Corrupt($"Layer {id} is damaged: {lost}");
        MakeUpper(_layout.Of(id), ParentOf(id), new CreateOptions(), null);
    }

    private void MakeUpper(string directory, LayerId? parent, CreateOptions options, StorageLimits? limits)
    {
        bool image = limits is { Backing: LimitBacking.Loop };
        if (image)
            LoopImages.Make(directory, limits!);
        string diff = Path.Combine(directory, "diff");
        Directory.CreateDirectory(diff);
        ChangeMode(diff, 0x1ED); // 0755
        if (options.IdMapping is { } mapping)
            MapRoot(parent, mapping, diff, options);
        else if (parent is { } shown)
            InheritRoot(shown, diff, options.RootOwner);
        if (parent is null)
            GiveLabel(diff, options);
        string work = Path.Combine(directory, "work");
        Directory.CreateDirectory(work); // last: where it is, all is
        ChangeMode(work, 0x1C0);
        if (image)
            LoopImages.Unmount(directory);
        else if (limits is not null)
            LayerQuota.Limit(Name, Home, [diff, work], limits, images: true);
    }

    /// <summary>Removes what is being made, or was: a file system in it may be mounted still.</summary>
    private static void RemoveUnfinished(string path)
    {
        LoopImages.UnmountIn(path);
        ProjectQuota.DeleteWithProjects(path, TreeRemover.Remove);
    }

    /// <summary>overlayfs shows the root of the topmost directory: it must look as the layers below have it.</summary>
    private void InheritRoot(LayerId parent, string diff, (uint Uid, uint Gid)? owner, OwnerMap? owners = null)
    {
        if (FindRoot(parent) is not { } root)
            return;
        using var to = FileCalls.Open(diff, OpenFlags.ReadOnly | OpenFlags.Directory);
        var (uid, gid) = owner ?? owners?.ToHost(root.Uid, root.Gid) ?? (root.Uid, root.Gid);
        Check(AttributeCalls.TryChown(to.Number, uid, gid), "chown", diff);
        Check(AttributeCalls.TryChmod(to.Number, root.Mode), "chmod", diff);
        foreach (var xattr in root.Xattrs)
            Check(XattrCalls.TrySetAt(to.Number, "."u8, xattr.Name, owners?.ToHost(xattr.Name, xattr.Value) ?? xattr.Value), "setxattr", diff);
        Check(AttributeCalls.TrySetTime(to.Number, root.Mtime), "utimensat", diff);
    }

    private ErofsAttributes? FindRoot(LayerId id)
    {
        if (FindBase(id) is { } known)
            return known.Root;
        using var tree = OpenLowerTree([id, .. _layout.ReadLowers(id)]);
        return tree.FindDirectory(EntryPath.Root);
    }

    private LayerId? ParentOf(LayerId id) => _layout.ReadParent(id);

    private static void ChangeMode(string path, int mode)
    {
        using var directory = FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        Check(AttributeCalls.TryChmod(directory.Number, mode), "chmod", path);
    }

    private static void Check(Errno errno, string call, string path)
    {
        if (errno != Errno.None)
            throw new LinuxException(errno, call, path);
    }

    private static string Checked(string home)
    {
        // What is there can be read and saved also where it can't be mounted, and need not be asked for each time where it can.
        if (HoldsLayers(home))
            return home;
        OverlayFeatures.Require(home);
        ErofsFeatures.Require(home);
        return home;
    }

    private static bool HoldsLayers(string home) => Directory.Exists(home)
        && Directory.EnumerateDirectories(home).Any(path => Path.GetFileName(path) is var name && !ErofsHome.IsOurs(name) && LayerId.TryParse(name, out _));

    /// <summary>Asked once; again, if there was no room to ask.</summary>
    private ErofsSupport Support => _support ??= ErofsFeatures.Of(Home);

    private string DescribeSupport()
    {
        try
        {
            return !Support.MountsTars ? "nothing: " + Support.WhyNot : Support.NeedsLoop ? "loop devices" : "files";
        }
        catch (StrataException e) when (e.Kind == ErrorKind.Exhausted)
        {
            return "not known: " + e.Message; // on a full disk the status is wanted most
        }
    }

    /// <summary>Throws NotSupported, with what to do, if the kernel or this process can't mount a tar by its index.</summary>
    private void RequireMounts()
    {
        if (Support.WhyNot is { } why)
        {
            throw StrataException.NotSupported(
                $"The layers in {Home} can't be mounted here: {why} Or unpack them: strata save IMAGE -o FILE, then strata --root ANOTHER --driver overlay load FILE.");
        }
    }
}
