using Strata.Linux;
using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>Putting a layer on a parent after it was written to.</content>
public sealed partial class OverlayDriver
{
    /// <inheritdoc/>
    /// <remarks>For what was written through a mount. A layer that was applied without its parent lacks the marks of its removals: it must be applied again.</remarks>
    public void Rebase(LayerId id, LayerId parent)
    {
        RequireExists(id);
        RequireExists(parent);
        if (ParentOf(id) is { } old)
        {
            if (old == parent)
                return;
            throw StrataException.FailedPrecondition($"Layer {id} is on {old}: it can't be put on {parent}.");
        }
        string path = Path.Combine(_layout.Of(id), "lower");
        File.Delete(path + ".new"); // left by a crash
        _layout.WriteLower(path + ".new", parent);
        NameCalls.Rename(path + ".new", path);
        SmallFile.Mark(_layout.Committed(parent));
    }
}
