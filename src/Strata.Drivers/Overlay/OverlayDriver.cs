using System.Text;
using Strata.Drivers.Quotas;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <summary>Layers as directories that overlayfs stacks. On disk as Docker's overlay2 (<see cref="OverlayLayout"/>).</summary>
/// <remarks>
/// <para>
/// Options: <c>overlay.volatile=true</c>: writable layers are mounted without syncing, for layers that a power cut may take;
/// <c>overlay.mountopt=a,b</c>: more options for every mount.
/// </para>
/// <para>Needs CAP_SYS_ADMIN; Linux 4.0 or later; the sources are filesystems/overlayfs.rst and Docker's behaviour (docs/design/disk-layout.md).</para>
/// </remarks>
public sealed partial class OverlayDriver : ProtoDriver, IDriver, IRebasingDriver
{
    private static readonly string[] Names = ["overlay", "overlay2"];
    private readonly OverlayLayout _layout;
    private readonly OverlayFeatures _features;
    private readonly OverlayMarks _marks;
    private readonly LoopImages _images;
    private readonly string _temporary;
    private readonly ShiftedTrees _shifted;
    private readonly bool _volatile;
    private readonly string[] _moreOptions;
    private readonly bool _fuse;

    /// <summary>Opens the driver.</summary>
    /// <exception cref="DriverUnusableException">It can't serve here, and why.</exception>
    /// <exception cref="StrataException">InvalidArgument: an option is not known.</exception>
    public OverlayDriver(string home, DriverOptions options)
        : this(Names, Checked(home), options, OverlayFeatures.Current, new OverlayMarks(OverlayFeatures.Current.UserXattr), fuse: false)
    {
    }

    private OverlayDriver(string[] names, string home, DriverOptions options, OverlayFeatures features, OverlayMarks marks, bool fuse)
        : base(names[0], home)
    {
        var mine = options.For(names, "volatile", "mountopt");
        _volatile = mine.TryGetValue("volatile", out string? text) && (bool.TryParse(text, out bool on)
            ? on
            : throw StrataException.InvalidArgument($"{names[0]}.volatile is true or false, not '{text}'."));
        _moreOptions = mine.TryGetValue("mountopt", out string? more) ? more.Split(',', StringSplitOptions.RemoveEmptyEntries) : [];
        _layout = new OverlayLayout(Home);
        _images = new LoopImages(_layout.Of, WhileStill);
        _features = features;
        _marks = marks;
        _fuse = fuse;
        _temporary = Path.Combine(Home, ".tmp");
        _shifted = new ShiftedTrees(Path.Combine(Home, ".shifted"), _temporary);
        MakeDirectory(_layout.Links, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <inheritdoc/>
    public override DriverCapabilities Capabilities { get; } = new() { AppliesWithoutParent = true, NeedsMounts = true };

    /// <inheritdoc/>
    public override bool Exists(LayerId id) => AttributeCalls.FindStatus(_layout.Diff(id)) is not null; // whatever it is: what is damaged can be told, and removed

    /// <inheritdoc/>
    public override IReadOnlyList<LayerId> List() =>
        NamedBy(Directory.EnumerateDirectories(Home).Where(path => AttributeCalls.FindStatus(Path.Combine(path, "diff")) is not null));

    /// <inheritdoc/>
    public override IReadOnlyList<StatusItem> GetStatus() => _fuse ? FuseStatus() :
    [
        new StatusItem("Backing Filesystem", FsMagic.Of(Home).ToString()),
        new StatusItem("Supports d_type", OverlayFeatures.TellsTypes(Home) ? "true" : "false"),
        new StatusItem("Using metacopy", "false"),
        new StatusItem("Native Overlay Diff", "true"),
        new StatusItem("userxattr", _features.UserXattr ? "true" : "false"),
        new StatusItem("volatile", _volatile ? "true" : "false"),
        MappingStatus(),
        LayerQuota.Status(Home, images: !_fuse),
    ];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id)
    {
        RequireExists(id);
        var metadata = new Dictionary<string, string>
        {
            ["WorkDir"] = _layout.Work(id),
            ["MergedDir"] = _layout.Merged(id),
            ["UpperDir"] = _layout.Diff(id),
        };
        var lowers = LowersOf(id);
        if (!lowers.IsEmpty)
            metadata["LowerDir"] = string.Join(':', lowers.Own.Concat(lowers.Directories));
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
        if (FindLink(id) is not null)
            return TreeUsage.Measure(_layout.Of(id), cancellationToken); // the link, not what lies elsewhere
        using var root = RootDirectory.Open(_layout.Diff(id));
        return TreeUsage.Measure(root, cancellationToken);
    }

    /// <inheritdoc/>
    public override string SideDirectoryOf(LayerId id) => _layout.Displaced(id);

    /// <inheritdoc/>
    protected override string? FindDamage(LayerId id)
    {
        if (!Exists(id))
            return null;
        if (FindNoDirectories(_layout.Diff(id), _layout.Work(id), _layout.Merged(id)) is { } misplaced)
            return misplaced;
        foreach (string link in _layout.ReadLowers(id))
        {
            var below = _layout.Resolve(link);
            if (!Directory.Exists(_layout.Diff(below)))
                return $"layer {below}, which it lies on, is not there ({_layout.Diff(below)}). {MakeAgain}";
        }
        return null;
    }

    /// <inheritdoc/>
    public override void Cleanup()
    {
        base.Cleanup();
        _images.Sweep(List());
        TemporaryDirectory.Sweep(_temporary, RemoveTemporary);
        foreach (string link in FindDangling())
            File.Delete(link);
    }

    /// <summary>Short names whose layer is gone: a crash between the two renames of a removal. None while somebody makes a layer, whose short name comes first.</summary>
    protected override IEnumerable<string> FindDangling() => TemporaryDirectory.AnyAlive(_temporary)
        ? []
        : Directory.GetFileSystemEntries(_layout.Links).Where(link => !Directory.Exists(link) && SharedLink.Find(link) is { } diff && SharedLink.Find(Path.Combine(_layout.Links, diff)) is null);

    /// <inheritdoc/>
    protected override bool SweepDangling(string path)
    {
        if (!FindDangling().Contains(path))
            return false;
        File.Delete(path);
        return true;
    }

    /// <inheritdoc/>
    protected override string MountPointOf(LayerId id) => _layout.Merged(id);

    /// <inheritdoc/>
    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        var limits = StorageLimits.Read(Name, options, writable, images: !_fuse);
        if (parent is { } shared)
            _images.RefuseAsParent(shared);
        using var temporary = TemporaryDirectory.Create(_temporary, RemoveTemporary);
        Make(temporary.Path, "", 0x1C8); // 0710
        bool image = limits is { Backing: LimitBacking.Loop };
        if (image)
            LoopImages.Make(temporary.Path, limits!);
        string diff = Path.Combine(temporary.Path, "diff");
        Make(temporary.Path, "diff", 0x1ED); // 0755
        if (options.IdMapping is { } mapping)
            MapRoot(parent, mapping, diff, options);
        else if (parent is { } shown)
            InheritRoot(shown, diff, options.RootOwner);
        if (parent is null)
            GiveLabel(diff, options);
        Make(temporary.Path, "work", 0x1C0); // 0700
        if (image)
            LoopImages.Unmount(temporary.Path);
        else if (limits is not null)
            LayerQuota.Limit(Name, Home, [diff, Path.Combine(temporary.Path, "work")], limits, images: !_fuse);
        // A writable layer is rarely the parent of another; then it gets its short name. A file less that holds data is a write less to wait for
        // in overlayfs's unmount, which syncs the file system: more than a third of a container's whole life.
        PutInPlace(temporary.Path, id, parent, writable ? null : OverlayLayout.NewLink());
    }

    /// <summary>Gives a layer that was built its lowers, its short name and its place.</summary>
    private void PutInPlace(string built, LayerId id, LayerId? parent, string? link)
    {
        if (parent is { } below)
            _layout.WriteLower(Path.Combine(built, "lower"), below);
        if (link is not null)
        {
            SmallFile.Create(Path.Combine(built, "link"), Encoding.ASCII.GetBytes(link));
            _layout.MakeShortName(link, id); // first: a layer without one can't be mounted, a name without a layer is swept
        }
        try
        {
            NameCalls.Rename(built, _layout.Of(id), NameCalls.RenameNoReplace);
        }
        catch
        {
            if (link is not null)
                File.Delete(Path.Combine(_layout.Links, link));
            throw;
        }
        if (parent is { } committed)
            SmallFile.Mark(_layout.Committed(committed));
    }

    /// <inheritdoc/>
    protected override void SweepUnfinished()
    {
        base.SweepUnfinished();
        TemporaryDirectory.Sweep(_temporary, RemoveTemporary);
    }

    /// <inheritdoc/>
    protected override void RemoveLayer(LayerId id)
    {
        string link = _layout.ReadLinkIfAny(id);
        _images.BeforeRemove(id);
        _shifted.Forget(id, MoveToTrash);
        MoveToTrash(_layout.Of(id));
        if (link.Length > 0)
            File.Delete(Path.Combine(_layout.Links, link));
    }

    private static string Checked(string home)
    {
        OverlayFeatures.Require(home);
        return home;
    }

    private static void Make(string parent, string name, int mode)
    {
        string path = name.Length == 0 ? parent : Path.Combine(parent, name);
        if (name.Length > 0)
            Directory.CreateDirectory(path); // there already in an image
        using var directory = FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        var errno = AttributeCalls.TryChmod(directory.Number, mode);
        if (errno != Errno.None)
            throw new LinuxException(errno, "chmod", path);
    }
}
