using Strata.Drivers.Overlay;
using Strata.Trees;

namespace Strata.Drivers.Erofs;

/// <content>What is mounted, and how a layer is looked at without mounting it anywhere.</content>
public sealed partial class ErofsDriver
{
    /// <summary>
    /// Applied layers in a row, up to so many, are mounted each for itself, so that images which share layers share what is cached of their files;
    /// more are mounted by one index, since each directory of a stack costs mounting, unmounting and look-ups (measured: docs/design/erofs-layers.md).
    /// </summary>
    public const int MaxSeparateLowers = 8;

    private readonly SharedMounts _lowers;
    private readonly SharedMounts _chains;

    /// <inheritdoc/>
    /// <remarks>The indexes in the stack are mounted by <see cref="ProtoDriver.Get"/> and <see cref="AcquireMounts"/> alone, below the home's <c>lowers</c> and <c>chains</c>.</remarks>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        bool applied = _layout.IsApplied(id);
        if (!applied)
            EnsureUpper(id);
        var stack = StackOf(id);
        bool readOnly = request.ReadOnly || applied;
        if (stack is [{ Kind: LowerKind.Directory }])
        {
            using var held = string.IsNullOrEmpty(request.MountLabel) ? null : _images.Use(id);
            return Bind(_layout.Diff(id), request with { ReadOnly = readOnly });
        }
        if (stack.Count == 1)
            return [IndexMount(stack[0])];
        var lowers = LowersOf(id, stack.Skip(1));
        if (!readOnly)
            return [WritableMount(id, lowers, request.MountLabel)];
        return [OverlayOptions.ReadOnly(_features, lowers.Under(stack[0].Kind == LowerKind.Directory ? _layout.Diff(id) : PathOf(stack[0])), _moreOptions, request.MountLabel)];
    }

    /// <inheritdoc/>
    protected override bool MustMount(LayerId id) => _images.Has(id);

    /// <inheritdoc/>
    protected override void BeforeMount(LayerId id)
    {
        if (_images.Has(id))
        {
            _images.BeforeMount(id);
            OverlayDriver.ForgetVolatile(_layout.Work(id));
        }
        foreach (var lower in SharedLowersOf(id))
            MountsOf(lower).Acquire(lower.Id, id, point => Mounter.Mount([IndexMount(lower)], point));
    }

    /// <inheritdoc/>
    protected override void AfterUnmount(LayerId id)
    {
        _images.AfterUnmount(id);
        if (IsHeld(id))
            return;
        foreach (var lower in SharedLowersOf(id))
            MountsOf(lower).Release(lower.Id, id);
    }

    private IEnumerable<Lower> SharedLowersOf(LayerId id)
    {
        var stack = StackOf(id);
        return stack.Count == 1 ? [] : stack.Where(lower => lower.Kind != LowerKind.Directory);
    }

    private void SweepLowers()
    {
        _lowers.Sweep(IsAlive);
        _chains.Sweep(IsAlive);
    }

    /// <inheritdoc/>
    /// <remarks>Indexes that are mounted for overlays belong to those who use them.</remarks>
    protected override bool IsLeakedMount(string point, IReadOnlyDictionary<string, LayerId> layers)
    {
        foreach (var (shared, directory) in new[] { (_lowers, _layout.Lowers), (_chains, _layout.Chains) })
        {
            if (Path.GetDirectoryName(point) == directory && LayerId.TryParse(Path.GetFileName(point), out var id))
                return !shared.UsersOf(id).Any(IsAlive);
        }
        return _images.OwnerOf(point) is { } owner ? !IsInUse(owner) && !_images.IsBusy(owner) : base.IsLeakedMount(point, layers);
    }

    /// <inheritdoc/>
    protected override bool SweepMount(string point)
    {
        if (_images.OwnerOf(point) is { } owner)
            _images.Sweep([owner]);
        else if (Path.GetDirectoryName(point) is var directory && directory != _layout.Lowers && directory != _layout.Chains)
            return base.SweepMount(point);
        else
            SweepLowers();
        return !MountTable.IsMountPoint(point);
    }

    private SharedMounts MountsOf(Lower lower) => lower.Kind == LowerKind.Chain ? _chains : _lowers;

    private string PathOf(Lower lower) => lower.Kind == LowerKind.Directory ? ShortPathOf(lower.Id) : MountsOf(lower).PointOf(lower.Id);

    private Mount WritableMount(LayerId id, OverlayLowers lowers, string? label)
    {
        OverlayDriver.ForgetVolatile(_layout.Work(id));
        return OverlayOptions.Writable(
            _features, lowers, _layout.Diff(id), _layout.Work(id), _volatile ? _moreOptions.Prepend("volatile") : _moreOptions, label);
    }

    /// <summary>What a layer's root file system is stacked of, nearest first, itself included.</summary>
    private IReadOnlyList<Lower> StackOf(LayerId id)
    {
        if (FindBase(id) is { } applied)
            return applied.Stack;
        var itself = new Lower(LowerKind.Directory, id, [id]);
        if (!_layout.IsApplied(id) && ParentOf(id) is { } parent && FindBase(parent) is { } below)
            return [itself, .. below.Stack];
        return StackOf([id, .. _layout.ReadLowers(id)]);
    }

    private List<Lower> StackOf(IReadOnlyList<LayerId> nearestFirst)
    {
        var stack = new List<Lower>();
        for (int i = 0; i < nearestFirst.Count;)
        {
            if (!_layout.IsApplied(nearestFirst[i]))
            {
                stack.Add(new Lower(LowerKind.Directory, nearestFirst[i], [nearestFirst[i]]));
                i++;
                continue;
            }
            int end = i;
            while (end < nearestFirst.Count && _layout.IsApplied(nearestFirst[end]))
                end++;
            var row = nearestFirst.Skip(i).Take(end - i).ToArray();
            if (row.Length > MaxSeparateLowers)
                stack.Add(new Lower(LowerKind.Chain, row[0], row));
            else
                stack.AddRange(row.Select(layer => new Lower(LowerKind.Index, layer, [layer])));
            i = end;
        }
        return stack;
    }

    private Mount IndexMount(Lower lower)
    {
        RequireMounts();
        // First: what it points into is made with it.
        string index = lower.Kind == LowerKind.Chain ? EnsureChain(lower.Chain) : EnsureIndex(lower.Id);
        var options = new List<string> { "ro" };
        if (Support.NeedsLoop)
            options.Add("loop");
        foreach (string device in lower.Devices ?? DevicesOf(lower.Chain))
            options.Add("device=" + device);
        return new Mount("erofs", index, "", options);
    }

    /// <summary>A layer's whole tree, read-only, mounted nowhere. It vanishes when it is disposed.</summary>
    private RootDirectory OpenView(LayerId id) => OpenView(StackOf(id), id);

    private RootDirectory OpenView(IReadOnlyList<Lower> stack, LayerId? mapped = null)
    {
        if (stack.Count == 1)
            return OpenLower(stack[0]);
        var opened = new List<RootDirectory>();
        try
        {
            opened.Add(OpenLower(stack[0]));
            OpenBelow(mapped, stack.Skip(1), opened);
            return Mounter.MountDetached(OverlayOptions.ReadOnly(_features, new OverlayLowers([]), _moreOptions, null), opened);
        }
        finally
        {
            foreach (var directory in opened)
                directory.Dispose();
        }
    }

    private RootDirectory OpenLower(Lower lower, IdMapping? mapping = null)
    {
        if (lower.Kind != LowerKind.Directory)
            return Mounter.MountDetached(mapping is null ? IndexMount(lower) : Mapped(IndexMount(lower), mapping));
        if (!Directory.Exists(_layout.Diff(lower.Id)))
            EnsureUpper(lower.Id);
        return mapping is null ? RootDirectory.Open(_layout.Diff(lower.Id)) : IdMappedMounts.Open(_layout.Diff(lower.Id), mapping);
    }
}
