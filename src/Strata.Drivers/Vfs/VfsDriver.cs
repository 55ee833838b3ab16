using Strata.Drivers.Quotas;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Vfs;

/// <summary>Each layer is a whole copy of its parent: works everywhere, mounts nothing, and shares nothing but what reflinks share.</summary>
/// <remarks>
/// Layout, as Docker's: <c>dir/ID</c> is the layer's root file system. A layer is copied under a temporary name and renamed, so that it is whole
/// or absent after a crash. Who may not own files keeps owners in attributes (<see cref="Ownership.Override"/>).
/// </remarks>
public sealed partial class VfsDriver : ProtoDriver
{
    private readonly string _directories;
    private readonly string _temporary;

    /// <summary>Opens the driver.</summary>
    /// <exception cref="StrataException">InvalidArgument: an option is not known.</exception>
    public VfsDriver(string home, DriverOptions options)
        : base("vfs", home)
    {
        options.For(["vfs"]);
        _directories = Path.Combine(Home, "dir");
        _temporary = Path.Combine(Home, ".tmp");
        MakeDirectory(_directories, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <inheritdoc/>
    public override DriverCapabilities Capabilities { get; } = new();

    /// <summary>The whole driver, as registered.</summary>
    public static IDriver Init(string home, DriverOptions options) => new NaiveDiffDriver(new VfsDriver(home, options));

    /// <inheritdoc/>
    public override bool Exists(LayerId id) => AttributeCalls.FindStatus(PathOf(id)) is not null; // whatever it is: what is damaged can be told, and removed

    /// <inheritdoc/>
    public override IReadOnlyList<LayerId> List() => NamedBy(Directory.EnumerateFileSystemEntries(_directories));

    /// <inheritdoc/>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        // What was copied has the owners that are shown.
        return Bind(PathOf(id), request, FindStoredMap(id) is { IsCopied: false } map ? map.Mapping : null);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StatusItem> GetStatus() =>
    [
        new StatusItem("Backing Filesystem", FsMagic.Of(Home).ToString()),
        LayerQuota.Status(Home, images: false),
        new StatusItem("Ownership", ProcessCalls.CanOwn ? "real" : "kept in extended attributes (not root)"),
        MappingStatus(),
    ];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> GetMetadata(LayerId id)
    {
        RequireExists(id);
        var metadata = new Dictionary<string, string> { ["SourceDir"] = PathOf(id) };
        if (FindStoredMap(id) is { IsCopied: false })
            metadata["MergedDir"] = MountPointOf(id);
        LayerQuota.Describe(PathOf(id), metadata);
        return metadata;
    }

    /// <inheritdoc/>
    public override Usage GetUsage(LayerId id, CancellationToken cancellationToken = default)
    {
        RequireExists(id);
        return TreeUsage.Measure(PathOf(id), cancellationToken); // of a link the link itself
    }

    /// <inheritdoc/>
    public override void Cleanup()
    {
        base.Cleanup();
        TemporaryDirectory.Sweep(_temporary, Delete);
    }

    /// <inheritdoc/>
    protected override string? FindDamage(LayerId id) => FindNoDirectories(PathOf(id));

    /// <inheritdoc/>
    /// <remarks>Who keeps owners in attributes maps nothing: nobody sees them.</remarks>
    protected override string? FindMappingObstacle() => ProcessCalls.CanOwn
        ? IdMappedMounts.FindObstacle(Home, overlay: false)
        : throw StrataException.NotSupported("The vfs driver maps no owners for who is not root: they are kept in extended attributes, which no container sees.");

    /// <inheritdoc/>
    protected override string MountPointOf(LayerId id) => Path.Combine(Home, "mnt", id.ToString());

    /// <inheritdoc/>
    protected override void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        var limits = StorageLimits.Read(Name, options, writable, images: false);
        using var temporary = TemporaryDirectory.Create(_temporary, Delete);
        using (var destination = RootDirectory.Open(temporary.Path))
        {
            var errno = AttributeCalls.TryChmod(destination.File.Number, 0x1ED); // 0755, whatever the umask
            if (errno != Errno.None)
                throw new LinuxException(errno, "chmod", temporary.Path);
            if (limits is not null)
                LayerQuota.Limit(Name, Home, [temporary.Path], limits); // first: what is copied counts, too
            // Where a mapping is done by mounts, the files keep the owners that layers have; else this copy gets the others.
            bool shift = options.CopiesOwners && (parent is not { } p || FindStoredMap(p) is null);
            var owners = shift ? new OwnerMap(options.IdMapping!) : null;
            if (parent is { } below)
            {
                using var source = RootDirectory.Open(PathOf(below));
                TreeCopier.Copy(source, destination, owners, options.Progress, options.Cancellation);
            }
            else if (owners is not null)
            {
                var (uid, gid) = owners.ToHost(0, 0);
                if ((errno = AttributeCalls.TryChown(destination.File.Number, uid, gid)) != Errno.None)
                    throw new LinuxException(errno, "chown", temporary.Path);
            }
        }
        GiveLabel(temporary.Path, options);
        NameCalls.Rename(temporary.Path, PathOf(id), NameCalls.RenameNoReplace);
    }

    /// <inheritdoc/>
    protected override void SweepUnfinished()
    {
        base.SweepUnfinished();
        TemporaryDirectory.Sweep(_temporary, Delete);
    }

    /// <inheritdoc/>
    protected override void RemoveLayer(LayerId id) => MoveToTrash(PathOf(id));

    private static void Delete(string path) => ProjectQuota.DeleteWithProjects(path, TreeRemover.Remove);

    private string PathOf(LayerId id) => Path.Combine(_directories, id.ToString());
}
