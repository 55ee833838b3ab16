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
        var lowers = LowerDirectories(id);
        bool committed = File.Exists(_layout.Committed(id));
        bool readOnly = request.ReadOnly || (committed && lowers.Length > 0);
        if (lowers.Length == 0)
            return [new Mount("bind", _layout.Diff(id), "", readOnly ? ["rbind", "ro"] : ["rbind", "rw"])];
        return [MountOf(id, lowers, readOnly, request.MountLabel)];
    }

    /// <summary>Removes what a volatile mount leaves, without which the same work directory could not be mounted again.</summary>
    internal static void ForgetVolatile(string work)
    {
        string mark = Path.Combine(work, "work", "incompat", "volatile");
        if (Directory.Exists(mark))
            TreeRemover.Remove(Path.Combine(work, "work", "incompat"));
    }

    private Mount MountOf(LayerId id, string[] lowers, bool readOnly, string? label)
    {
        if (readOnly)
            return OverlayOptions.ReadOnly(_features, lowers.Prepend(_layout.Diff(id)), _moreOptions, label);
        // Also without the option: it may have been set when the layer was mounted last.
        ForgetVolatile(_layout.Work(id));
        return OverlayOptions.Writable(
            _features, lowers, _layout.Diff(id), _layout.Work(id), _volatile ? _moreOptions.Prepend("volatile") : _moreOptions, label);
    }

    /// <summary>The directories of the layers below, nearest first, by their short names.</summary>
    private string[] LowerDirectories(LayerId id)
    {
        var links = _layout.ReadLowers(id);
        if (links.Count > MountCalls.MaxOverlayLowers - 1)
            return MergedLowers(id, links);
        return links.Select(link => Path.Combine(_layout.Links, link)).ToArray();
    }

    /// <summary>A layer's whole tree, read-only, mounted nowhere. It vanishes when it is disposed.</summary>
    private RootDirectory OpenView(LayerId id)
    {
        SettleRoot(id);
        var lowers = LowerDirectories(id);
        return lowers.Length == 0
            ? RootDirectory.Open(_layout.Diff(id))
            : Mounter.MountDetached(MountOf(id, lowers, readOnly: true, label: null));
    }
}
