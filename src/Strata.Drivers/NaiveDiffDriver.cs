using Strata.Formats.Tar;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers;

/// <summary>Makes a whole driver out of any <see cref="IProtoDriver"/>: differences are found by comparing the two trees. Docker's <c>NaiveDiffDriver</c>.</summary>
/// <remarks>
/// Reads the metadata of both trees whole, so its cost grows with what exists, not with what changed; unless the driver's file system tells where they differ. Both layers are held by Get until the
/// diff is written. Unlike Docker's, which gives the parent back before the reader is done and sleeps for the resolution of time stamps.
/// </remarks>
public sealed partial class NaiveDiffDriver : IDriver
{
    private readonly IProtoDriver _proto;
    private readonly Func<LayerId, string> _sideDirectoryOf;
    private readonly Ownership _ownership;

    /// <summary>Wraps a driver.</summary>
    /// <param name="proto">The driver.</param>
    public NaiveDiffDriver(IProtoDriver proto)
    {
        _proto = proto;
        _sideDirectoryOf = proto is ProtoDriver known
            ? known.SideDirectoryOf
            : id => Path.Combine(Path.GetTempPath(), "strata-displaced", id.ToString());
        _ownership = ProcessCalls.CanOwn ? Ownership.Real : Ownership.Override;
    }

    /// <inheritdoc/>
    public string Name => _proto.Name;

    /// <inheritdoc/>
    /// <remarks>Those of the wrapped driver; but layers are applied over what is seen of those below, and come back as they are compared.</remarks>
    public DriverCapabilities Capabilities => _proto.Capabilities with { AppliesWithoutParent = false, ReproducesExactDiffs = false };

    private bool UseOverrides => _ownership == Ownership.Override;

    /// <inheritdoc/>
    public void Create(LayerId id, LayerId? parent, CreateOptions? options = null) => _proto.Create(id, parent, options);

    /// <inheritdoc/>
    public void CreateReadWrite(LayerId id, LayerId? parent, CreateOptions? options = null) => _proto.CreateReadWrite(id, parent, options);

    /// <inheritdoc/>
    public void Remove(LayerId id) => _proto.Remove(id);

    /// <inheritdoc/>
    public string Get(LayerId id, string? mountLabel = null) => _proto.Get(id, mountLabel);

    /// <inheritdoc/>
    public void Put(LayerId id) => _proto.Put(id);

    /// <inheritdoc/>
    public IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request) => _proto.GetMounts(id, request);

    /// <inheritdoc/>
    public IReadOnlyList<Mount> AcquireMounts(LayerId id, LayerId holder, MountRequest request) => _proto.AcquireMounts(id, holder, request);

    /// <inheritdoc/>
    public void ReleaseMounts(LayerId holder) => _proto.ReleaseMounts(holder);

    /// <inheritdoc/>
    public bool Exists(LayerId id) => _proto.Exists(id);

    /// <inheritdoc/>
    public IdMapping? FindIdMapping(LayerId id) => _proto.FindIdMapping(id);

    /// <inheritdoc/>
    public IReadOnlyList<LayerId> List() => _proto.List();

    /// <inheritdoc/>
    public IReadOnlyList<StatusItem> GetStatus() => _proto.GetStatus();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> GetMetadata(LayerId id) => _proto.GetMetadata(id);

    /// <inheritdoc/>
    public Usage GetUsage(LayerId id, CancellationToken cancellationToken = default) => _proto.GetUsage(id, cancellationToken);

    /// <inheritdoc/>
    public void Sync() => _proto.Sync();

    /// <inheritdoc/>
    public void Cleanup() => _proto.Cleanup();

    /// <inheritdoc/>
    public void Diff(LayerId id, LayerId? parent, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default) =>
        Compare(id, parent, options, comparer =>
        {
            using var source = new TreeSource(comparer);
            LayerPipe.Write(source, destination, options?.Progress, cancellationToken);
            return 0L;
        }, cancellationToken);

    /// <inheritdoc/>
    public IReadOnlyList<Change> Changes(LayerId id, LayerId? parent, DiffOptions? options = null, CancellationToken cancellationToken = default) =>
        Compare(id, parent, options, comparer => TreeSource.List(comparer, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public long DiffSize(LayerId id, LayerId? parent, CancellationToken cancellationToken = default) =>
        Compare(id, parent, null, comparer =>
        {
            using var source = new TreeSource(comparer);
            return LayerPipe.Measure(source, cancellationToken);
        }, cancellationToken);

    /// <inheritdoc/>
    public long ApplyDiff(LayerId id, LayerId? parent, Stream tar, ApplyOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= ApplyOptions.Default;
        if (parent is not null)
            options.AwaitParent?.Invoke();
        try
        {
            return Apply(id, tar, options, cancellationToken);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            throw FileErrors.Translate(e, $"Can't apply a tar to layer {id}");
        }
    }

    private long Apply(LayerId id, Stream tar, ApplyOptions options, CancellationToken cancellationToken)
    {
        using var seen = See(id);
        using var root = RootDirectory.Open(seen.Path);
        bool empty = !Directory.EnumerateFileSystemEntries(seen.Path).Any();
        var written = new CopySink(root, empty, _sideDirectoryOf(id), _ownership, options);
        using ILayerSink sink = seen.Owners is { } owners ? new MappedSink(written, owners) : written;
        return LayerPipe.Apply(tar, sink, options, cancellationToken);
    }

    /// <inheritdoc/>
    public IRecipeContents OpenContents(LayerId id) => new TreeContents(RootDirectory.Open(_proto.Get(id)), _sideDirectoryOf(id), () => _proto.Put(id));

    private T Compare<T>(LayerId id, LayerId? parent, DiffOptions? options, Func<TreeComparer, T> use, CancellationToken cancellationToken)
    {
        using var now = See(id);
        using var before = parent is { } p ? See(p) : null;
        using var newTree = RootDirectory.Open(now.Path);
        using var oldTree = before is null ? null : RootDirectory.Open(before.Path);
        return use(new TreeComparer(oldTree, newTree, new TreeCompareOptions
        {
            UseOverrides = UseOverrides,
            OldOwners = before?.Owners,
            NewOwners = now.Owners,
            Scope = parent is { } below && _proto is IScopedDriver scoped ? scoped.FindScope(id, below, now.Path, before!.Path, cancellationToken) : null,
            CompareContents = options is { CompareContents: true } or { Exact: true },
            DirectoryTimes = options is { Exact: true },
        }));
    }

    /// <summary>A layer's tree. Where a mount shows a directory with other owners, the directory itself; where a layer has other owners on disk, these are told.</summary>
    private Seen See(LayerId id)
    {
        if (_proto.FindIdMapping(id) is not { } mapping)
            return new Seen(_proto.Get(id), null, () => _proto.Put(id));
        return _proto.GetMounts(id, default) is [{ Type: "bind" } bind] && IdMappedMounts.FindIn(bind) is not null
            ? new Seen(bind.Source, null, () => { })
            : new Seen(_proto.Get(id), new OwnerMap(mapping), () => _proto.Put(id));
    }

    private sealed class Seen(string path, OwnerMap? owners, Action release) : IDisposable
    {
        internal string Path => path;

        internal OwnerMap? Owners => owners;

        public void Dispose() => release();
    }
}
