using Strata.Drivers;
using Strata.Formats.Erofs;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Writable layers: made over a layer, mounted, compared, committed, removed.</content>
public sealed partial class Store
{
    /// <summary>All writable layers, by name.</summary>
    public IReadOnlyList<WritableRecord> ListWritable() =>
        _database.Read(s => s.ListWhole($"SELECT {Rows.WritableColumns} FROM writable ORDER BY name", Rows.Writable));

    /// <summary>The writable layer of a name, or null.</summary>
    public WritableRecord? FindWritable(string name) =>
        _database.Read(s => s.ListWhole($"SELECT {Rows.WritableColumns} FROM writable WHERE name=$1", Rows.Writable, name).FirstOrDefault());

    /// <summary>The writable layer of a name.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public WritableRecord GetWritable(string name) =>
        FindWritable(name) ?? throw StrataException.NotFound($"There is no writable layer '{name}'. 'strata status' lists them; 'strata create NAME --from IMAGE' makes one.");

    /// <summary>Makes a writable layer.</summary>
    /// <param name="name">1 to 128 of a-z A-Z 0-9 _ . -, the first a letter or digit; not in use.</param>
    /// <param name="parent">What it lies on, or null.</param>
    /// <param name="image">The image that it is made from, or null.</param>
    /// <param name="storageOptions">Such as <c>size</c>; null: none.</param>
    /// <param name="init">
    /// Fills an init layer, which lies between the parent and the writable layer, shows in no change and no diff, and goes with it: for the mount
    /// points and files that a runtime needs. Given the path of the mounted root file system. Null: no init layer.
    /// </param>
    /// <param name="idMapping">
    /// How the owners are shown where it is mounted: for the user namespace of a container. Kept with the layer. Null: as they are. Mapped by mounts where the
    /// file system can; else what lies below is copied, with no lock held.
    /// </param>
    /// <param name="progress">Told of such a copy, or null.</param>
    /// <param name="cancellationToken">Ends such a copy early.</param>
    /// <exception cref="StrataException">
    /// AlreadyExists, NotFound, InvalidArgument. Unavailable: the layer below was removed meanwhile. Nothing is left then, nor if <paramref name="init"/> throws.
    /// </exception>
    public WritableRecord CreateWritable(
        string name, ChainId? parent, Digest? image = null, IReadOnlyDictionary<string, string>? storageOptions = null, Action<string>? init = null,
        IdMapping? idMapping = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!LayerId.TryParse(name, out _))
            throw StrataException.InvalidArgument($"'{name}' can't be a name: expected 1 to 128 of a-z A-Z 0-9 _ . -, the first a letter or digit.");
        if (FindWritable(name) is not null)
            throw NameTaken(name);
        var below = parent is { } p ? FindLayer(p) ?? throw StrataException.NotFound($"There is no layer {p} in the store.") : null;
        RequirePresent($"The writable layer '{name}'", parent);
        var record = new WritableRecord(name, LayerId.New(), parent, image, null, Rows.Now());
        var options = new CreateOptions
        {
            StorageOptions = storageOptions ?? new Dictionary<string, string>(), IdMapping = idMapping, Progress = progress, Cancellation = cancellationToken,
        };
        try
        {
            return Guard($"Can't make the writable layer '{name}'", () => init is null ? Create(record, below?.DriverId, options) : CreateOnInit(record, below?.DriverId, options, init));
        }
        catch (StrataException e) when (below is not null && FindLayer(below.ChainId)?.DriverId != below.DriverId)
        {
            // Its files, or its name in the metadata, went meanwhile, whatever that looked like.
            throw StrataException.Unavailable($"Can't make the writable layer '{name}': layer {below.ChainId}, on which it was to lie, was removed meanwhile. Get the image again.", e);
        }
    }

    private WritableRecord CreateOnInit(WritableRecord record, LayerId? below, CreateOptions options, Action<string> init)
    {
        record = record with { InitId = LayerId.New() };
        var id = record.InitId.Value;
        using var lease = Lease.Take(_layout, id);
        try
        {
            Driver.CreateReadWrite(id, below); // with the owners of layers: it is mapped with them
            string root = Driver.Get(id);
            try
            {
                init(root);
            }
            finally
            {
                Driver.Put(id);
            }
            return Create(record, id, options);
        }
        catch
        {
            TryDiscard(id, lease);
            throw;
        }
    }

    private WritableRecord Create(WritableRecord record, LayerId? below, CreateOptions options)
    {
        using var lease = Lease.Take(_layout, record.DriverId);
        try
        {
            Driver.CreateReadWrite(record.DriverId, below, options);
            _database.Write(s =>
            {
                if (s.Count("SELECT count(*) FROM writable WHERE name=$1", record.Name) > 0)
                    throw NameTaken(record.Name);
                Rows.Insert(s, record);
                return 0;
            });
        }
        catch
        {
            TryDiscard(record.DriverId, lease);
            throw;
        }
        lease.TurnInto(_layout.WritableFact(record));
        return record;
    }

    /// <summary>How the owners of a writable layer are mapped where it is mounted, or null.</summary>
    public IdMapping? FindIdMapping(WritableRecord record) => Driver.FindIdMapping(record.DriverId);

    /// <summary>Mounts a writable layer, once more for each call.</summary>
    /// <param name="name">The layer.</param>
    /// <param name="target">A directory at which it is to be seen too, or null.</param>
    /// <returns>The path of its root file system.</returns>
    public string Mount(string name, string? target = null) => Guard($"Can't mount '{name}'", () => MountAt(name, target));

    private string MountAt(string name, string? target)
    {
        var record = GetWritable(name);
        RequirePresent($"'{name}'", record.Parent);
        if (target is not null)
        {
            target = Path.GetFullPath(target);
            if (!Directory.Exists(target))
                throw StrataException.NotFound($"Can't mount at {target}: there is no such directory. Make it first.");
            if (record.MountTarget is not null && MountTable.IsMountPoint(record.MountTarget))
                throw StrataException.FailedPrecondition($"'{name}' is mounted at {record.MountTarget} already. Unmount it first.");
            if (MountTable.IsMountPoint(target))
                throw StrataException.FailedPrecondition($"Something is mounted at {target} already.");
        }
        string path = Driver.Get(record.DriverId);
        if (target is null)
            return path;
        try
        {
            Mounter.Mount([new Mount("bind", path, "", ["rbind", "rw"])], target);
            try
            {
                SetMountTarget(name, target);
            }
            catch
            {
                Mounter.Unmount(target); // nobody would know of it
                throw;
            }
        }
        catch
        {
            Driver.Put(record.DriverId);
            throw;
        }
        return target;
    }

    /// <summary>Takes one mount of a writable layer back.</summary>
    /// <exception cref="StrataException">FailedPrecondition: it is busy.</exception>
    public void Unmount(string name) => Guard($"Can't unmount '{name}'", () =>
    {
        var record = GetWritable(name);
        if (record.MountTarget is not null)
        {
            Mounter.Unmount(record.MountTarget);
            SetMountTarget(name, null);
        }
        Driver.Put(record.DriverId);
        return true;
    });

    /// <summary>Where a writable layer is mounted now, or null.</summary>
    public string? FindMountPoint(WritableRecord record)
    {
        if (record.MountTarget is not null && MountTable.IsMountPoint(record.MountTarget))
            return record.MountTarget;
        return FindMountPoint(record.DriverId);
    }

    internal bool IsMounted(LayerId id) => Driver.Exists(id) && FindMountPoint(id) is not null;

    private string? FindMountPoint(LayerId id) =>
        Driver.GetMetadata(id).TryGetValue("MergedDir", out string? merged) && MountTable.IsMountPoint(merged) ? merged : null;

    /// <summary>What changed in a writable layer since it was made.</summary>
    public IReadOnlyList<Change> Changes(string name, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        var record = GetWritable(name);
        return Driver.Changes(record.DriverId, DriverParentOf(record), options, cancellationToken);
    }

    /// <summary>Writes what changed in a writable layer as an uncompressed OCI layer.</summary>
    public void Diff(string name, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default)
    {
        var record = GetWritable(name);
        Driver.Diff(record.DriverId, DriverParentOf(record), destination, options, cancellationToken);
    }

    /// <summary>Writes the whole root file system of a writable layer as a tar.</summary>
    public void Export(string name, Stream destination, CancellationToken cancellationToken = default) =>
        Driver.Diff(GetWritable(name).DriverId, null, destination, null, cancellationToken);

    /// <summary>Writes the whole root file system that ends in a layer as a tar.</summary>
    public void Export(ChainId top, Stream destination, CancellationToken cancellationToken = default)
    {
        var layer = FindLayer(top) ?? throw StrataException.NotFound($"There is no layer {top} in the store.");
        Driver.Diff(layer.DriverId, null, destination, null, cancellationToken);
    }

    /// <summary>Writes the whole root file system of a writable layer as one EROFS image that holds all its data.</summary>
    /// <param name="name">The writable layer.</param>
    /// <param name="destination">Readable, writable, seekable and empty; not owned. After a failure it holds no image.</param>
    /// <param name="leftOut">Told of each extended attribute that EROFS has no form for.</param>
    /// <param name="progress">Told of the files' bytes, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public void ExportErofs(
        string name, Stream destination, Action<EntryPath, Xattr> leftOut, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        WriteErofs(GetWritable(name).DriverId, destination, leftOut, progress, cancellationToken);

    /// <summary>Writes the whole root file system that ends in a layer as one EROFS image that holds all its data.</summary>
    /// <inheritdoc cref="ExportErofs(string, Stream, Action{EntryPath, Xattr}, IProgress{ProgressReport}?, CancellationToken)"/>
    /// <param name="top">The topmost layer.</param>
    /// <param name="destination">As above.</param>
    /// <param name="leftOut">As above.</param>
    /// <param name="progress">As above.</param>
    /// <param name="cancellationToken">As above.</param>
    public void ExportErofs(
        ChainId top, Stream destination, Action<EntryPath, Xattr> leftOut, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var layer = FindLayer(top) ?? throw StrataException.NotFound($"There is no layer {top} in the store.");
        WriteErofs(layer.DriverId, destination, leftOut, progress, cancellationToken);
    }

    private void WriteErofs(LayerId id, Stream destination, Action<EntryPath, Xattr> leftOut, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        using var source = Driver.OpenTree(id);
        var writer = new ErofsTreeWriter(destination, leftOut);
        long written = 0;
        while (source.MoveNext(cancellationToken))
        {
            var entry = source.Current;
            bool hasData = entry.Kind == EntryKind.RegularFile && entry.SizeBytes > 0;
            writer.Add(entry, hasData ? source.OpenContent() : EntryContent.Empty, cancellationToken);
            written += entry.SizeBytes;
            if (hasData)
                progress?.Report(new ProgressReport("export", written, -1));
        }
        writer.Complete();
    }

    /// <summary>Makes a layer of what changed in a writable layer. That may be mounted; it stays as it is.</summary>
    /// <returns>The new layer, on the one that the writable layer is on.</returns>
    public LayerRecord Commit(string name, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Commit(name, null, progress, cancellationToken);

    /// <summary>Makes a layer of what changed in a writable layer. That may be mounted; it stays as it is.</summary>
    /// <param name="name">The writable layer.</param>
    /// <param name="latestMtime">Files that were modified later get this time in the new layer; null: they keep theirs.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <returns>The new layer, on the one that the writable layer is on.</returns>
    public LayerRecord Commit(string name, FileTime? latestMtime, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var record = GetWritable(name);
        var parent = DriverParentOf(record);
        var options = new DiffOptions { Progress = progress };
        // One pass: what the driver finds is what the new layer is made of.
        using var changes = new ProducedStream((destination, cancelled) => Driver.Diff(record.DriverId, parent, destination, options, cancelled), cancellationToken);
        if (latestMtime is not { } latest)
            return RegisterLayers([new LayerInput { Open = () => new Borrowed(changes) }], record.Parent, progress, cancellationToken)[0];
        using var clamped = new ProducedStream((destination, cancelled) => ClampTimes(changes, destination, latest, cancelled), cancellationToken);
        return RegisterLayers([new LayerInput { Open = () => new Borrowed(clamped) }], record.Parent, progress, cancellationToken)[0];
    }

    /// <summary>What a writable layer itself holds, on disk.</summary>
    public Usage GetUsage(string name, CancellationToken cancellationToken = default) => Driver.GetUsage(GetWritable(name).DriverId, cancellationToken);

    /// <summary>Removes a writable layer and all that was written to it.</summary>
    /// <exception cref="StrataException">NotFound. FailedPrecondition: it is mounted.</exception>
    public void RemoveWritable(string name)
    {
        var record = GetWritable(name);
        if (FindMountPointIfWhole(record) is { } point)
            throw StrataException.FailedPrecondition($"Can't remove '{name}': it is mounted at {point}. Unmount it first: strata umount {name}");
        Guard($"Can't remove '{name}'", () => _reserve.Using(() => Remove(record)));
    }

    private bool Remove(WritableRecord record)
    {
        using var lease = LeaseForRemoval(record.DriverId, () => IsNamed(record.DriverId)) // from here on recovery finishes what a crash interrupts
            ?? throw StrataException.NotFound($"'{record.Name}' was removed meanwhile.");
        using var initLease = record.InitId is { } initId ? LeaseForRemoval(initId, () => IsNamed(initId)) : null;
        if (_database.Write(s => s.Run("DELETE FROM writable WHERE name=$1 AND driver_id=$2", record.Name, record.DriverId.ToString())) == 0)
            throw StrataException.NotFound($"'{record.Name}' was removed meanwhile.");
        try
        {
            File.Delete(_layout.WritableFact(record));
            Discard(record.DriverId, lease);
        }
        catch
        {
            lease.LeaveForRecovery();
            initLease?.LeaveForRecovery(); // nothing names it any more either
            throw;
        }
        if (initLease is not null && record.InitId is { } init)
            Discard(init, initLease);
        return true;
    }

    /// <summary>The layer that changes are against.</summary>
    private LayerId? DriverParentOf(WritableRecord record) => record.InitId ?? DriverLayerOfParent(record);

    private LayerId? DriverLayerOfParent(WritableRecord record) =>
        record.Parent is { } chain ? (FindLayer(chain) ?? throw StrataException.Corrupt($"Layer {chain}, on which '{record.Name}' lies, is missing from the store.")).DriverId : null;

    private void SetMountTarget(string name, string? target) =>
        _database.Write(s => s.Run("UPDATE writable SET mount_target=$2 WHERE name=$1", name, target));

    private static StrataException NameTaken(string name) =>
        StrataException.AlreadyExists($"There is a writable layer '{name}' already. Choose another name, or remove it: strata rm {name}");

    /// <summary>A stream whose owner disposes it later.</summary>
    private sealed class Borrowed(Stream inner) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer) => inner.Read(buffer);
    }
}
