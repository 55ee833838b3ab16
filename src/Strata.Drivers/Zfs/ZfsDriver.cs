using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Zfs;

/// <summary>Each layer is a dataset, and a clone of a snapshot of its parent: nothing is copied. By the <c>zfs</c> program.</summary>
/// <remarks>
/// <para>
/// Layout, as Docker's: the dataset <c>FSNAME/ID</c>, its property mountpoint=legacy, is the layer's root file system; it is mounted at <c>graph/ID</c> below the
/// driver's home while somebody uses it. A layer is a clone of <c>FSNAME/PARENT@strata-ID</c>, which is destroyed as soon as the clone exists (deferred): zfs keeps it
/// until the clone is gone.
/// </para>
/// <para>
/// Options: <c>zfs.fsname=POOL/DATASET</c>: below which the layers are; without it, the dataset that holds the home. <c>zfs.mountopt=a,b</c>: more options for every mount.
/// </para>
/// <para>
/// Needs root, the program, and zfs in the kernel, or zfs-fuse, which keeps no extended attributes: then <see cref="DriverCapabilities.KeepsXattrs"/> is false, and
/// a layer that has some is refused when it is applied.
/// </para>
/// </remarks>
public sealed partial class ZfsDriver : ProtoDriver
{
    private const string SnapshotPrefix = "strata-";
    private const int LongestWaitMilliseconds = 3200; // six seconds in all
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly string[] Names = ["zfs"];
    private readonly string _dataset;
    private readonly string _graph;
    private readonly string[] _moreOptions;
    private readonly Lazy<DriverCapabilities> _capabilities;

    /// <summary>Opens the driver.</summary>
    /// <exception cref="DriverUnusableException">It can't serve here, and why.</exception>
    /// <exception cref="StrataException">InvalidArgument: an option is not known.</exception>
    public ZfsDriver(string home, DriverOptions options)
        : this(home, options.For(Names, "fsname", "mountopt"))
    {
    }

    private ZfsDriver(string home, IReadOnlyDictionary<string, string> options)
        : this(home, FindDataset(home, options.GetValueOrDefault("fsname")), options.GetValueOrDefault("mountopt"))
    {
    }

    private ZfsDriver(string home, string dataset, string? mountOptions)
        : base("zfs", home)
    {
        _dataset = dataset;
        _moreOptions = mountOptions?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [];
        _graph = Path.Combine(Home, "graph");
        Directory.CreateDirectory(_graph, Private);
        _capabilities = new Lazy<DriverCapabilities>(() => new DriverCapabilities { NeedsMounts = true, KeepsXattrs = KeepsXattrs() });
    }

    /// <inheritdoc/>
    public override DriverCapabilities Capabilities => _capabilities.Value;

    /// <summary>The whole driver, as registered.</summary>
    public static IDriver Init(string home, DriverOptions options) => new NaiveDiffDriver(new ZfsDriver(home, options));

    /// <inheritdoc/>
    public override bool Exists(LayerId id) => ZfsProgram.Exists(DatasetOf(id));

    /// <inheritdoc/>
    public override IReadOnlyList<LayerId> List() => NamedBy(ZfsProgram.Children(_dataset));

    /// <inheritdoc/>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        List<string> options = [request.ReadOnly ? "ro" : "rw", .. _moreOptions];
        if (!string.IsNullOrEmpty(request.MountLabel) && !KernelHasZfs)
            throw StrataException.NotSupported($"Can't show layer {id} with the label {request.MountLabel}: zfs-fuse takes none, nor keeps one on files.");
        if (!string.IsNullOrEmpty(request.MountLabel))
            options.Add(Overlay.OverlayOptions.ContextOf(request.MountLabel));
        return [new Mount("zfs", DatasetOf(id), "", options)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StatusItem> GetStatus()
    {
        string pool = _dataset.Split('/')[0];
        var properties = ZfsProgram.Get(_dataset, "used", "available", "quota", "compression");
        return
        [
            new StatusItem("Zpool", pool),
            new StatusItem("Zpool Health", ZfsProgram.GetPool(pool, "health")),
            new StatusItem("Parent Dataset", _dataset),
            new StatusItem("Space Used By Parent", properties.GetValueOrDefault("used", "unknown")),
            new StatusItem("Space Available", properties.GetValueOrDefault("available", "unknown")),
            new StatusItem("Parent Quota", properties.GetValueOrDefault("quota") is { } quota && quota != "0" ? quota : "no"),
            new StatusItem("Compression", properties.GetValueOrDefault("compression", "unknown")),
            new StatusItem("Backing Filesystem", "zfs"),
            new StatusItem("Extended attributes", Capabilities.KeepsXattrs ? "kept" : "not kept by this zfs: layers that have some are refused"),
            new StatusItem("Size limits", "quotas of datasets"),
        ];
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id)
    {
        RequireExists(id);
        var metadata = new Dictionary<string, string> { ["Mountpoint"] = MountPointOf(id), ["Dataset"] = DatasetOf(id) };
        if (ZfsProgram.Get(DatasetOf(id), "quota").GetValueOrDefault("quota") is { } quota && quota != "0")
            metadata["Size"] = quota;
        return metadata;
    }

    /// <inheritdoc/>
    /// <remarks>What its tree takes; of a clone, only what it does not share with its origin, as zfs counts it: inodes are not counted there.</remarks>
    public override Usage GetUsage(LayerId id, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        var properties = ZfsProgram.Get(DatasetOf(id), "used", "origin");
        if (properties.GetValueOrDefault("origin", "-") != "-")
            return new Usage(long.Parse(properties["used"], System.Globalization.CultureInfo.InvariantCulture), 0);
        string root = Get(id);
        try
        {
            return TreeUsage.Measure(root, cancellationToken);
        }
        finally
        {
            Put(id);
        }
    }

    /// <inheritdoc/>
    public override void Cleanup()
    {
        base.Cleanup();
        SweepSnapshots();
    }

    /// <inheritdoc/>
    /// <remarks>zfs-fuse mounts by itself alone, where the dataset's property says: the kernel knows no file system of that type.</remarks>
    protected override void PerformMounts(LayerId id, IReadOnlyList<Mount> mounts, string point)
    {
        if (KernelHasZfs)
        {
            base.PerformMounts(id, mounts, point);
            return;
        }
        Patiently(() =>
        {
            ZfsProgram.Do("mount", DatasetOf(id), "set", "mountpoint=" + point, DatasetOf(id)); // mounts it, if that is new
            if (!MountPoints.Is(point))
                ZfsProgram.Do("mount", DatasetOf(id), "mount", DatasetOf(id));
        });
    }

    /// <inheritdoc/>
    protected override void AfterUnmount(LayerId id)
    {
        if (!KernelHasZfs)
            ZfsProgram.DoIfThere("unmount", DatasetOf(id), "set", "mountpoint=legacy", DatasetOf(id));
    }

    /// <inheritdoc/>
    protected override string MountPointOf(LayerId id) => Path.Combine(_graph, id.ToString());

    /// <inheritdoc/>
    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        string[] properties = ["-o", "mountpoint=legacy", .. ReadLimit(options, writable)];
        string dataset = DatasetOf(id);
        if (parent is not { } below)
        {
            ZfsProgram.Do("create", dataset, ["create", .. properties, dataset]);
            return;
        }
        string snapshot = $"{DatasetOf(below)}@{SnapshotPrefix}{id}";
        ZfsProgram.DoIfThere("destroy", snapshot, "destroy", "-d", snapshot); // left by one who died
        ZfsProgram.Do("snapshot", snapshot, "snapshot", snapshot);
        try
        {
            ZfsProgram.Do("clone", dataset, ["clone", .. properties, snapshot, dataset]);
        }
        finally
        {
            ZfsProgram.DoIfThere("destroy", snapshot, "destroy", "-d", snapshot);
        }
    }

    /// <inheritdoc/>
    protected override void SweepUnfinished()
    {
        base.SweepUnfinished();
        SweepSnapshots();
    }

    /// <inheritdoc/>
    protected override void RemoveLayer(LayerId id)
    {
        if (KernelHasZfs)
            ZfsProgram.DoIfThere("remove", DatasetOf(id), "destroy", DatasetOf(id));
        else
            Patiently(() => ZfsProgram.DoIfThere("remove", DatasetOf(id), "destroy", DatasetOf(id)));
    }

    /// <summary>With zfs-fuse: does what may find a dataset busy, again and again for six seconds: its daemon may not be done yet with an unmount before, or another mount namespace has a copy of that mount.</summary>
    private static void Patiently(Action action)
    {
        for (int wait = 50; ; wait *= 2)
        {
            try
            {
                action();
                return;
            }
            catch (StrataException e) when (e.Kind == ErrorKind.FailedPrecondition && e.Message.Contains("busy", StringComparison.Ordinal) && wait <= LongestWaitMilliseconds)
            {
                Thread.Sleep(wait);
            }
        }
    }

    private static IEnumerable<string> ReadLimit(CreateOptions options, bool writable)
    {
        foreach (var (key, value) in options.StorageOptions)
        {
            if (!key.Equals("size", StringComparison.OrdinalIgnoreCase))
                throw StrataException.InvalidArgument($"The zfs driver has no storage option '{key}'. It knows: size.");
            if (!writable)
                throw StrataException.InvalidArgument("The storage option 'size' is for writable layers only.");
            long sizeBytes = StorageSize.Parse("size", value);
            if (sizeBytes == 0)
                throw StrataException.InvalidArgument("A layer's size must be more than 0.");
            yield return "-o";
            yield return "quota=" + ZfsProgram.Size(sizeBytes); // what a clone shares with its origin does not count
        }
    }

    /// <summary>Snapshots of clones that were never made; those of clones that exist go with them.</summary>
    private void SweepSnapshots()
    {
        foreach (string snapshot in ZfsProgram.Snapshots(_dataset, SnapshotPrefix))
            ZfsProgram.DoIfThere("destroy", snapshot, "destroy", "-d", snapshot);
    }

    private string DatasetOf(LayerId id) => $"{_dataset}/{id}";
}
