using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Btrfs;

/// <summary>Each layer is a subvolume, and a snapshot of its parent: nothing is copied, nothing is mounted, and a diff costs what changed.</summary>
/// <remarks>
/// <para>
/// Layout, as Docker's: <c>subvolumes/ID</c> is the layer's root file system, <c>quotas/ID</c> the limit in bytes of a layer that has one.
/// A layer with children is read-only (the property of its subvolume). Subvolumes that a container makes inside its layer belong to it: they
/// are in its diff and in snapshots of it, and are removed with it.
/// </para>
/// <para>
/// Options: <c>btrfs.min_space=SIZE</c>: the least <c>size</c> that a writable layer may be given; <c>btrfs.quota=full|simple</c>: which
/// quotas are turned on when the first limit is asked for. Simple ones cost less, but a kernel before 6.7 can't mount the file system afterwards.
/// </para>
/// <para>Needs CAP_SYS_ADMIN and a home on btrfs; Linux 4.18 for differences by what changed, else both trees are walked. btrfs-ioctl(2).</para>
/// </remarks>
public sealed partial class BtrfsDriver : ProtoDriver, IDriver
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly string[] Names = ["btrfs"];
    private readonly NaiveDiffDriver _naive;
    private readonly string _subvolumes;
    private readonly string _quotas;
    private readonly string _temporary;
    private readonly long _minSpaceBytes;
    private readonly bool _simpleQuotas;

    /// <summary>Opens the driver.</summary>
    /// <exception cref="DriverUnusableException">It can't serve here, and why.</exception>
    /// <exception cref="StrataException">InvalidArgument: an option is not known, or has no such value.</exception>
    public BtrfsDriver(string home, DriverOptions options)
        : base("btrfs", Checked(home))
    {
        var mine = options.For(Names, "min_space", "quota");
        _minSpaceBytes = mine.TryGetValue("min_space", out string? least) ? StorageSize.Parse("btrfs.min_space", least) : 0;
        _simpleQuotas = mine.TryGetValue("quota", out string? quota) && quota switch
        {
            "simple" => true,
            "full" => false,
            _ => throw StrataException.InvalidArgument($"btrfs.quota is full or simple, not '{quota}'."),
        };
        _subvolumes = Path.Combine(Home, "subvolumes");
        _quotas = Path.Combine(Home, "quotas");
        _temporary = Path.Combine(Home, ".tmp");
        MakeDirectory(_subvolumes, Private);
        _naive = new NaiveDiffDriver(this);
    }

    /// <inheritdoc/>
    public override DriverCapabilities Capabilities { get; } = new();

    /// <inheritdoc/>
    public override bool Exists(LayerId id) => AttributeCalls.FindStatus(PathOf(id)) is not null; // whatever it is: what is damaged can be told, and removed

    /// <inheritdoc/>
    public override IReadOnlyList<LayerId> List() => NamedBy(Directory.EnumerateFileSystemEntries(_subvolumes));

    /// <inheritdoc/>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        return Bind(PathOf(id), request, FindIdMapping(id));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StatusItem> GetStatus()
    {
        using var home = FileCalls.Open(Home, OpenFlags.ReadOnly | OpenFlags.Directory);
        return
        [
            new StatusItem("Btrfs", ""),
            new StatusItem("Backing Filesystem", FsMagic.Of(Home).ToString()),
            new StatusItem("Native Diff", "true"),
            MappingStatus(),
            new StatusItem("Quota", BtrfsQuotaCalls.GetMode(home) switch
            {
                BtrfsQuotaMode.Simple => "simple",
                BtrfsQuotaMode.Full => "full",
                _ => "off",
            }),
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id)
    {
        RequireExists(id);
        var metadata = new Dictionary<string, string> { ["Subvolume"] = PathOf(id) };
        if (FindIdMapping(id) is not null)
            metadata["MergedDir"] = MountPointOf(id);
        if (FindLimit(id) is { } sizeBytes)
            metadata["Size"] = sizeBytes.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return metadata;
    }

    /// <inheritdoc/>
    public override void Cleanup()
    {
        base.Cleanup();
        TemporaryDirectory.Sweep(_temporary, Subvolumes.Remove);
        if (!Directory.Exists(_quotas))
            return;
        foreach (string limit in Directory.EnumerateFiles(_quotas))
        {
            if (!Directory.Exists(Path.Combine(_subvolumes, Path.GetFileName(limit))))
                File.Delete(limit);
        }
    }

    /// <inheritdoc/>
    protected override string? FindMappingObstacle() => IdMappedMounts.FindObstacle(Home, overlay: false) is { } why
        ? throw StrataException.NotSupported($"The btrfs driver can't map the owners of a layer here: {why}")
        : null;

    /// <inheritdoc/>
    protected override string MountPointOf(LayerId id) => Path.Combine(Home, "mnt", id.ToString());

    /// <inheritdoc/>
    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        const string name = "layer";
        long? limit = ReadLimit(options, writable);
        using var temporary = TemporaryDirectory.Create(_temporary, Subvolumes.Remove);
        string path = Path.Combine(temporary.Path, name);
        using var below = parent is { } p ? Subvolumes.Open(PathOf(p)) : null;
        if (below is null)
        {
            Subvolumes.Create(temporary.Path, name);
        }
        else
        {
            Subvolumes.Snapshot(below, temporary.Path, name, readOnly: false);
            using var made = Subvolumes.Open(path);
            Subvolumes.SnapshotNested(below, made);
        }
        GiveLabel(path, options);
        if (limit is { } sizeBytes)
        {
            Limit(path, sizeBytes);
            RecordLimit(id, sizeBytes);
        }
        NameCalls.Rename(path, PathOf(id), NameCalls.RenameNoReplace);
        // Last: a parent that stays writable after a crash costs a second look at every diff, no more.
        if (below is not null && !Subvolumes.IsReadOnly(below))
            Subvolumes.Check(BtrfsCalls.TrySetReadOnly(below, true), "ioctl BTRFS_IOC_SUBVOL_SETFLAGS", PathOf(parent!.Value));
    }

    /// <inheritdoc/>
    protected override void SweepUnfinished()
    {
        base.SweepUnfinished();
        TemporaryDirectory.Sweep(_temporary, Subvolumes.Remove);
    }

    /// <inheritdoc/>
    protected override void RemoveLayer(LayerId id)
    {
        string path = PathOf(id);
        if (Subvolumes.Is(path))
        {
            // A read-only one can't be moved to another directory; and what is inside it could not be destroyed.
            using var subvolume = Subvolumes.Open(path);
            if (Subvolumes.IsReadOnly(subvolume))
                Subvolumes.Check(BtrfsCalls.TrySetReadOnly(subvolume, false), "ioctl BTRFS_IOC_SUBVOL_SETFLAGS", path);
        }
        MoveToTrash(path);
        if (File.Exists(LimitFileOf(id)))
            File.Delete(LimitFileOf(id));
    }

    /// <inheritdoc/>
    /// <remarks>What tools that know no subvolumes copied is directories: they can be read, but not be snapshotted.</remarks>
    protected override string? FindDamage(LayerId id)
    {
        string path = PathOf(id);
        return FindNoDirectories(path) ?? (!Directory.Exists(path) || Subvolumes.Is(path) ? null : $"{path} is a directory and no subvolume, as after copying a store by cp or tar. {MakeAgain}");
    }

    /// <inheritdoc/>
    protected override void DeleteTrashed(string path) => Subvolumes.Remove(path);

    private static string Checked(string home)
    {
        if (!File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\tbtrfs", StringComparison.Ordinal)))
            throw DriverUnusableException.NotSupported("btrfs", "this kernel has no btrfs (/proc/filesystems). Load its module (modprobe btrfs).");
        var magic = FsMagic.Of(home);
        if (magic != FsMagic.Btrfs)
            throw DriverUnusableException.Prerequisites("btrfs", $"{home} is on {magic}. Put the root on a btrfs.");
        if (!ProcessCalls.CanMount)
            throw DriverUnusableException.Prerequisites("btrfs", "removing subvolumes needs root (CAP_SYS_ADMIN). Run as root, or use the vfs driver.");
        return home;
    }

    private string PathOf(LayerId id) => Path.Combine(_subvolumes, id.ToString());
}
