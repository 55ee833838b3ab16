using System.Collections.Concurrent;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>What all drivers share: Get and Put with their counts, on top of a description of the mount; trash; durability.</summary>
/// <remarks>
/// A new driver implements <see cref="CreateLayer"/>, <see cref="RemoveLayer"/>, <see cref="GetMounts"/>, <see cref="Exists"/>, <see cref="List"/>
/// and the descriptions; that is all. It says what to mount and never mounts.
/// </remarks>
public abstract partial class ProtoDriver : IProtoDriver
{
    private const UnixFileMode HomeMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute;
    private readonly MountCounter _counter;
    private readonly ConcurrentBag<string> _trashed = [];

    /// <summary>Makes the driver's home if it is not there: mode 0710, so that no stranger on the host reaches a setuid file in a layer (CVE-2021-41103).</summary>
    protected ProtoDriver(string name, string home)
    {
        Name = name;
        Home = Path.GetFullPath(home);
        MakeDirectory(Home, HomeMode);
        MakeDirectory(Trash, HomeMode); // now: when no inode is left, removing must still work
        _counter = new MountCounter(Path.Combine(Home, ".mounts"));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The driver's own directory.</summary>
    public string Home { get; }

    /// <inheritdoc/>
    public abstract DriverCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public void Create(LayerId id, LayerId? parent, CreateOptions? options = null) => CreateChecked(id, parent, options ?? new CreateOptions(), writable: false);

    /// <inheritdoc/>
    public void CreateReadWrite(LayerId id, LayerId? parent, CreateOptions? options = null) =>
        CreateChecked(id, parent, options ?? new CreateOptions(), writable: true);

    /// <inheritdoc/>
    public void Remove(LayerId id)
    {
        try
        {
            RemoveChecked(id);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            throw FileErrors.Translate(e, $"Can't remove layer {id}");
        }
    }

    private void RemoveChecked(LayerId id)
    {
        if (!Exists(id))
        {
            _counter.ForgetIfStale(id, _ => null);
            ForgetMapping(id);
            SweepUnfinished(); // a process may have ended before it was at its place, or before it was deleted
            return;
        }
        bool free = _counter.IfUnused(id, MountPointOf(id), () =>
        {
            if (Exists(id))
                RemoveLayer(id);
        });
        if (!free)
            throw StrataException.FailedPrecondition($"Can't remove layer {id}: it is mounted at {MountPointOf(id)}. Unmount it first.");
        ForgetMapping(id);
        TreeRemover.Remove(SideDirectoryOf(id));
        DeleteRemoved();
    }

    /// <inheritdoc/>
    public string Get(LayerId id, string? mountLabel = null)
    {
        try
        {
            return GetChecked(id, mountLabel);
        }
        catch (Exception e) when (Retold(e, id, "mount") is { } better)
        {
            throw better;
        }
    }

    private string GetChecked(LayerId id, string? mountLabel)
    {
        RequireExists(id);
        var mounts = GetMounts(id, new MountRequest(ReadOnly: false, mountLabel));
        // A directory that needs no mount is handed out as it is.
        if (mounts is [{ Type: "bind" } bind] && !bind.IsReadOnly && IdMappedMounts.FindIn(bind) is null && !MustMount(id))
        {
            return Directory.Exists(bind.Source)
                ? bind.Source
                : throw StrataException.Corrupt($"Can't hand out layer {id}: {FindDamage(id) ?? FindNoDirectory(bind.Source) ?? $"{bind.Source} is not there."}");
        }
        string point = MountPointOf(id);
        _counter.Acquire(id, point, () =>
        {
            RequireExists(id); // it may have been removed while we waited for the lock
            Directory.CreateDirectory(point, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            try
            {
                BeforeMount(id);
                PerformMounts(id, mounts, point);
            }
            catch
            {
                TryAfterUnmount(id);
                _ = NameCalls.TryRemoveDirectory(FileCalls.CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(point)); // nothing is in it, or it stays
                throw;
            }
        });
        return point;
    }

    /// <inheritdoc/>
    public void Put(LayerId id)
    {
        string point = MountPointOf(id);
        try
        {
            _counter.Release(id, point, () => Unmount(id, point));
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            throw FileErrors.Translate(e, $"Can't unmount layer {id}");
        }
    }

    /// <inheritdoc/>
    public abstract IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request);

    /// <inheritdoc/>
    /// <remarks>Of a driver whose mounts lie on directories alone, nothing need be held.</remarks>
    public virtual IReadOnlyList<Mount> AcquireMounts(LayerId id, LayerId holder, MountRequest request) => GetMounts(id, request);

    /// <inheritdoc/>
    public virtual void ReleaseMounts(LayerId holder)
    {
    }

    /// <inheritdoc/>
    public abstract bool Exists(LayerId id);

    /// <inheritdoc/>
    public abstract IReadOnlyList<LayerId> List();

    /// <inheritdoc/>
    public abstract IReadOnlyList<StatusItem> GetStatus();

    /// <inheritdoc/>
    public abstract IReadOnlyDictionary<string, string> GetMetadata(LayerId id);

    /// <inheritdoc/>
    public abstract Usage GetUsage(LayerId id, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public void Sync()
    {
        using var home = FileCalls.Open(Home, OpenFlags.ReadOnly | OpenFlags.Directory);
        FileCalls.SyncFileSystem(home, Home);
    }

    /// <inheritdoc/>
    public virtual void Cleanup()
    {
        foreach (var id in List())
        {
            string point = MountPointOf(id);
            if (!MountPoints.Is(point))
                continue;
            Unmount(id, point);
            _counter.Reset(id);
        }
        SweepTrash();
    }

    /// <summary>
    /// Where things go that belong to an applied layer but not to its tree: files that a later entry of the same layer replaced. Made when it is
    /// needed; removed with the layer.
    /// </summary>
    public virtual string SideDirectoryOf(LayerId id) => Path.Combine(Home, ".displaced", id.ToString());

    /// <summary>Makes a layer. The ID is free and the parent exists. After a failure nothing of it is left.</summary>
    protected abstract void CreateLayer(LayerId id, LayerId? parent, CreateOptions options, bool writable);

    /// <summary>Takes a layer out of the driver's home: by <see cref="MoveToTrash"/>. Nobody has it mounted.</summary>
    protected abstract void RemoveLayer(LayerId id);

    /// <summary>The layer is about to be mounted: makes what its mounts are stacked of, if that must be mounted itself. Called under the layer's lock.</summary>
    protected virtual void BeforeMount(LayerId id)
    {
    }

    /// <summary>Mounts a layer. Called under the layer's lock.</summary>
    protected virtual void PerformMounts(LayerId id, IReadOnlyList<Mount> mounts, string point) => Mounter.Mount(mounts, point);

    /// <summary>The layer was unmounted, or could not be mounted: gives back what <see cref="BeforeMount"/> made. Called under the layer's lock.</summary>
    protected virtual void AfterUnmount(LayerId id)
    {
    }

    /// <summary>True if the layer's directory can't be handed out as it is, since something must be mounted for it first.</summary>
    protected virtual bool MustMount(LayerId id) => false;

    /// <summary>Deletes what processes left that ended in the middle of making or removing a layer.</summary>
    protected virtual void SweepUnfinished()
    {
        if (!KeepsTrash)
            SweepTrash();
    }

    /// <summary>True if the layer is mounted, or is being mounted or unmounted just now. Never waits.</summary>
    protected bool IsInUse(LayerId id) => _counter.IsInUse(id, MountPointOf(id));

    /// <summary>Does something while nobody can mount or unmount the layer by Get and Put.</summary>
    /// <param name="id">The layer, or an ID that is none.</param>
    /// <param name="action">Told whether it is mounted.</param>
    protected void WhileStill(LayerId id, Action<bool> action) => _counter.WhileStill(id, MountPointOf(id), action);

    /// <summary>Where the layer is mounted, if it is.</summary>
    protected abstract string MountPointOf(LayerId id);

    /// <summary>The layers that paths are named after; other names are none.</summary>
    protected static IReadOnlyList<LayerId> NamedBy(IEnumerable<string> paths) =>
        [.. paths.Select(path => LayerId.TryParse(Path.GetFileName(path), out var id) ? id : default).Where(id => !id.IsDefault)];

    /// <summary>Throws NotFound if there is no such layer.</summary>
    protected void RequireExists(LayerId id)
    {
        if (!Exists(id))
            throw StrataException.NotFound($"There is no layer {id} in the {Name} driver at {Home}.");
    }

    /// <summary>A directory as a mount. A bind mount can carry no label: the files must have had it from the beginning, by <see cref="CreateOptions.MountLabel"/>.</summary>
    /// <exception cref="StrataException">NotSupported: they have another label, or none. InvalidArgument: it is no label.</exception>
    protected IReadOnlyList<Mount> Bind(string directory, MountRequest request, IdMapping? mapping = null)
    {
        if (!string.IsNullOrEmpty(request.MountLabel))
            RequireLabel(directory, request.MountLabel);
        string access = request.ReadOnly ? "ro" : "rw";
        return [new Mount("bind", directory, "", mapping is null ? ["rbind", access] : ["bind", access, .. IdMappedMounts.OptionsFor(mapping)])];
    }

    /// <summary>Gives the files of a layer that is being made, and will be handed out as a directory, its label; none is asked for: does nothing.</summary>
    protected static void GiveLabel(string directory, CreateOptions options)
    {
        if (string.IsNullOrEmpty(options.MountLabel))
            return;
        _ = Overlay.OverlayOptions.ContextOf(options.MountLabel); // refuses what is no label
        TreeLabel.Give(directory, options.MountLabel);
    }

    private void RequireLabel(string directory, string label)
    {
        _ = Overlay.OverlayOptions.ContextOf(label);
        if (TreeLabel.Find(directory) is var has && has == label)
            return;
        throw StrataException.NotSupported(
            $"Can't show {directory} with the label {label}: the {Name} driver hands out a directory, and a bind mount takes no context; its files have {(has is null ? "no label" : $"the label {has}")}. Create the layer with that label, which gives it to its files.");
    }

    /// <summary>Deletes what <see cref="MoveToTrash"/> put away; somebody else may be deleting it, too.</summary>
    protected virtual void DeleteTrashed(string path) => Quotas.ProjectQuota.DeleteWithProjects(path, TreeRemover.Remove);

    /// <summary>Renames a directory into the trash, where it is no layer any more; it is deleted afterwards.</summary>
    protected void MoveToTrash(string path)
    {
        string trashed = Path.Combine(Trash, LayerId.New().ToString());
        try
        {
            NameCalls.Rename(path, trashed);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT && !Directory.Exists(Trash))
        {
            Directory.CreateDirectory(Trash, HomeMode);
            NameCalls.Rename(path, trashed);
        }
        _trashed.Add(trashed);
    }

    private void CreateChecked(LayerId id, LayerId? parent, CreateOptions options, bool writable)
    {
        if (Exists(id))
            throw StrataException.AlreadyExists($"Layer {id} exists already in the {Name} driver.");
        if (parent is { } below && !Exists(below))
            throw StrataException.NotFound($"Can't create layer {id}: its parent {below} does not exist in the {Name} driver.");
        try
        {
            options = Mapped(id, parent, options);
            if (options.IdMapping is null)
                CreateLayer(id, parent, options, writable);
            else
                CreateMapped(id, parent, options, writable);
        }
        catch (Exception e) when (Retold(e, parent ?? id, parent is null ? "create" : "create a layer on") is { } better)
        {
            throw better;
        }
    }

    /// <summary>Gives back what was made for a mount that failed; that this fails too must not hide why.</summary>
    private void TryAfterUnmount(LayerId id)
    {
        try
        {
            AfterUnmount(id);
        }
        catch (Exception e) when (e is StrataException || FileErrors.Is(e))
        {
            return; // a sweep finds what is left
        }
    }

    private void Unmount(LayerId id, string point)
    {
        Mounter.Unmount(point);
        AfterUnmount(id);
        try
        {
            Directory.Delete(point);
        }
        catch (IOException) when (Directory.Exists(point))
        {
            // mounted again meanwhile, or something was put there while nothing was mounted: it stays
        }
    }
}
