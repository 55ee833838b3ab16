namespace Strata.Drivers;

/// <summary>The basic abilities of a driver for layered file systems: Docker's <c>ProtoDriver</c>.</summary>
/// <remarks>
/// <para>
/// The life of a layer: <see cref="Create"/> makes it (empty, or looking like its parent), its content arrives by
/// <see cref="IDiffDriver.ApplyDiff"/> or by writing below the path that <see cref="Get"/> returns, children are created on top of it, and
/// <see cref="Remove"/> ends it. <see cref="CreateReadWrite"/> makes the writable layer of a container.
/// </para>
/// <code>
/// driver.Create(baseId, parent: null);
/// driver.ApplyDiff(baseId, parent: null, tar);
/// driver.CreateReadWrite(id, baseId);
/// string root = driver.Get(id);         // mounted; writable
/// …
/// driver.Put(id);                       // the last Put unmounts
/// driver.Remove(id);
/// </code>
/// <para>
/// A driver knows IDs, not names; it keeps no reference counts between layers (that is the store's work), but it counts <see cref="Get"/>
/// and <see cref="Put"/>. Every member is safe under many threads and many processes. Whoever writes a new driver derives from
/// <see cref="ProtoDriver"/> and wraps it in <see cref="NaiveDiffDriver"/>; that makes a whole <see cref="IDriver"/>.
/// </para>
/// </remarks>
public interface IProtoDriver
{
    /// <summary>The driver's name, as registered: <c>overlay</c>, <c>vfs</c>. Docker's <c>String()</c>.</summary>
    string Name { get; }

    /// <summary>What callers may build on.</summary>
    DriverCapabilities Capabilities { get; }

    /// <summary>Makes a layer: empty, or with the content of its parent.</summary>
    /// <param name="id">A new ID.</param>
    /// <param name="parent">The layer below, or null.</param>
    /// <param name="options">Mount label and storage options, or null.</param>
    /// <exception cref="StrataException">
    /// AlreadyExists: the ID is in use. NotFound: there is no such parent. InvalidArgument: a storage option is not known or not allowed here.
    /// Exhausted: no space. After a failure or a crash the layer does not exist.
    /// </exception>
    void Create(LayerId id, LayerId? parent, CreateOptions? options = null);

    /// <summary>Makes a writable layer, for a container: as <see cref="Create"/>, and storage options such as <c>size</c> are allowed.</summary>
    void CreateReadWrite(LayerId id, LayerId? parent, CreateOptions? options = null);

    /// <summary>Removes a layer. One that does not exist is no error (Docker relies on it).</summary>
    /// <remarks>The layer is renamed away first, then deleted; after a crash it is gone or whole, and what is left of it is swept at the next start.</remarks>
    /// <exception cref="StrataException">FailedPrecondition: it is mounted, and busy.</exception>
    void Remove(LayerId id);

    /// <summary>The directory in which the layer's root file system stands, mounted if it must be. Each call wants one <see cref="Put"/>.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="mountLabel">An SELinux label for the mount, or null.</param>
    /// <returns>The absolute path.</returns>
    /// <exception cref="StrataException">
    /// NotFound: there is no such layer. PermissionDenied: mounting needs privileges that this process lacks. NotSupported: the kernel lacks something.
    /// </exception>
    string Get(LayerId id, string? mountLabel = null);

    /// <summary>Gives back one <see cref="Get"/>; the last one unmounts.</summary>
    /// <exception cref="StrataException">FailedPrecondition: the mount is busy.</exception>
    void Put(LayerId id);

    /// <summary>What <see cref="Get"/> would mount, as data, for whoever performs mounts elsewhere. Nothing is mounted.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="request">Label, read-only or not.</param>
    IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request);

    /// <summary>
    /// What to mount to see a layer, for whoever performs mounts elsewhere and later: as <see cref="GetMounts"/>, and what these mounts lie on is
    /// mounted, and stays so until <see cref="ReleaseMounts"/>, also when this process ends.
    /// </summary>
    /// <remarks>Acquiring again is acquiring once. After a restart of the machine, acquiring again mounts again.</remarks>
    /// <param name="id">The layer.</param>
    /// <param name="holder">Who has it: the layer itself, or an ID that is no layer's.</param>
    /// <param name="request">Label, read-only or not.</param>
    IReadOnlyList<Mount> AcquireMounts(LayerId id, LayerId holder, MountRequest request);

    /// <summary>Lets go what was mounted for a holder; one that has nothing is no error. Mounts that were performed with it stay as they are.</summary>
    void ReleaseMounts(LayerId holder);

    /// <summary>True if the layer exists.</summary>
    bool Exists(LayerId id);

    /// <summary>How the layer's owners are mapped where <see cref="Get"/> shows it; null: they are as in its files.</summary>
    IdMapping? FindIdMapping(LayerId id) => null;

    /// <summary>All layers, in no order.</summary>
    IReadOnlyList<LayerId> List();

    /// <summary>What an operator wants to know of the driver: backing file system, features found. Docker's <c>Status()</c>.</summary>
    IReadOnlyList<StatusItem> GetStatus();

    /// <summary>Where the layer lies, by Docker's keys (overlay: LowerDir, UpperDir, WorkDir, MergedDir).</summary>
    /// <exception cref="StrataException">NotFound: there is no such layer.</exception>
    IReadOnlyDictionary<string, string> GetMetadata(LayerId id);

    /// <summary>What the layer itself takes on disk, its parents not included.</summary>
    Usage GetUsage(LayerId id, CancellationToken cancellationToken = default);

    /// <summary>Makes durable whatever was written to any layer before the call (syncfs of the driver's home).</summary>
    void Sync();

    /// <summary>Ends all that this driver holds: unmounts its layers, sweeps what crashes left. The layers stay.</summary>
    void Cleanup();
}
