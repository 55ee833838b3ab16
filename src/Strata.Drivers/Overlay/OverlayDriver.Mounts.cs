using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>What is mounted, and how a layer is looked at without mounting it anywhere.</content>
public sealed partial class OverlayDriver
{
    /// <inheritdoc/>
    public override IReadOnlyList<Mount> GetMounts(LayerId id, MountRequest request)
    {
        RequireExists(id);
        SettleRoot(id);
        var lowers = LowersOf(id);
        bool committed = File.Exists(_layout.Committed(id));
        bool readOnly = request.ReadOnly || (committed && !lowers.IsEmpty);
        if (lowers.IsEmpty)
        {
            using var held = string.IsNullOrEmpty(request.MountLabel) ? null : _images.Use(id);
            return Bind(_layout.Diff(id), request with { ReadOnly = readOnly });
        }
        return [MountOf(id, lowers, readOnly, request.MountLabel)];
    }

    /// <inheritdoc/>
    /// <exception cref="StrataException">NotSupported: the layer lies in an image, which is mounted for Get alone.</exception>
    public override IReadOnlyList<Mount> AcquireMounts(LayerId id, LayerId holder, MountRequest request)
    {
        _images.RefuseElsewhere(id);
        return base.AcquireMounts(id, holder, request);
    }

    /// <inheritdoc/>
    protected override bool MustMount(LayerId id) => _images.Has(id);

    /// <inheritdoc/>
    protected override void BeforeMount(LayerId id)
    {
        if (!_images.Has(id))
            return;
        _images.BeforeMount(id);
        ForgetVolatile(_layout.Work(id));
    }

    /// <inheritdoc/>
    protected override void AfterUnmount(LayerId id) => _images.AfterUnmount(id);

    /// <inheritdoc/>
    protected override bool IsLeakedMount(string point, IReadOnlyDictionary<string, LayerId> layers) =>
        _images.OwnerOf(point) is { } owner ? !IsInUse(owner) && !_images.IsBusy(owner) : base.IsLeakedMount(point, layers);

    /// <inheritdoc/>
    protected override bool SweepMount(string point)
    {
        if (_images.OwnerOf(point) is not { } owner)
            return base.SweepMount(point);
        _images.Sweep([owner]);
        return !MountTable.IsMountPoint(point);
    }

    /// <summary>Removes what a volatile mount leaves, without which the same work directory could not be mounted again.</summary>
    internal static void ForgetVolatile(string work)
    {
        string mark = Path.Combine(work, "work", "incompat", "volatile");
        if (Directory.Exists(mark))
            TreeRemover.Remove(Path.Combine(work, "work", "incompat"));
    }

    private Mount MountOf(LayerId id, OverlayLowers lowers, bool readOnly, string? label)
    {
        if (_fuse && !string.IsNullOrEmpty(label))
            throw StrataException.NotSupported($"Can't show layer {id} with the label {label}: fuse-overlayfs takes none. Use the overlay driver as root.");
        if (_fuse)
            return FuseMount(lowers, readOnly ? null : id, id);
        if (readOnly)
            return OverlayOptions.ReadOnly(_features, WithItself(id, lowers), _moreOptions, label);
        // Also without the option: it may have been set when the layer was mounted last.
        ForgetVolatile(_layout.Work(id));
        return OverlayOptions.Writable(
            _features, lowers, _layout.Diff(id), _layout.Work(id), _volatile ? _moreOptions.Prepend("volatile") : _moreOptions, label);
    }

    /// <summary>A layer on top of those below it.</summary>
    private OverlayLowers WithItself(LayerId id, OverlayLowers lowers)
    {
        lowers = lowers.Under(_layout.Diff(id));
        return RootOf(id) is var root && root != _layout.Diff(id) ? lowers.Under(root) : lowers;
    }

    /// <summary>The directories of the layers below, nearest first, by their short names.</summary>
    private OverlayLowers LowersOf(LayerId id)
    {
        var links = _layout.ReadLowers(id);
        if (links.Count == 0 || FindStoredMap(id) is not { } map)
            return new OverlayLowers(Directories(links));
        // An init layer has the owners of its mapping on disk, as this one has.
        int own = 0;
        while (own < links.Count && FindStoredMap(_layout.Resolve(links[own])) is not null)
            own++;
        string[] above = [.. links.Take(own).Select(PathOf)];
        if (own == links.Count)
            return new OverlayLowers(above);
        if (map.IsCopied)
            return new OverlayLowers([.. above, _shifted.PathOf(_layout.Resolve(links[own]), map.Mapping)]);
        return new OverlayLowers(Directories([.. links.Skip(own)])) { Own = above, Mapping = map.Mapping, Below = Home };
    }

    private string[] Directories(IReadOnlyList<string> links) =>
        links.Count > MountCalls.MaxOverlayLowers - 1 ? MergedLowers(links) : [.. links.Select(PathOf)];

    private string PathOf(string link)
    {
        _ = _layout.Resolve(link); // overlayfs would follow it to wherever it leads
        return Path.Combine(_layout.Links, link);
    }

    /// <summary>A layer's whole tree, read-only, mounted nowhere. It vanishes when it is disposed.</summary>
    private RootDirectory OpenView(LayerId id) // an image's held by who asks
    {
        SettleRoot(id);
        var lowers = LowersOf(id);
        if (_fuse && !lowers.IsEmpty)
            return OpenFuseView(MountOf(id, lowers, readOnly: true, label: null));
        return lowers.IsEmpty
            ? RootDirectory.Open(_layout.Diff(id))
            : Mounter.MountDetached(MountOf(id, lowers, readOnly: true, label: null));
    }
}
