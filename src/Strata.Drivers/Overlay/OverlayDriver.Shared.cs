using Strata.Trees;

namespace Strata.Drivers.Overlay;

/// <content>
/// Layers of other homes: <c>ID/diff</c> is a symbolic link. overlayfs follows it, as it does the short name that leads to it.
/// </content>
public sealed partial class OverlayDriver : ISharedLayers
{
    /// <inheritdoc/>
    public string? FindSharingObstacle(string home) => SharedLink.FindObstacleOfMarks(home);

    /// <inheritdoc/>
    public void Link(LayerId id, LayerId? parent, string home, LayerId theirs)
    {
        CheckLink(id, parent, home);
        var there = new OverlayLayout(home);
        using var temporary = TemporaryDirectory.Create(_temporary, RemoveTemporary);
        Make(temporary.Path, "", 0x1C8); // 0710
        if (!SharedLink.Make(Path.Combine(temporary.Path, "diff"), there.Diff(theirs)))
            throw SharedLink.Missing(home, theirs);
        SharedLink.Make(Path.Combine(temporary.Path, "displaced"), there.Displaced(theirs));
        // What is finished there later is finished here, too: both come to the same.
        if (parent is not null && File.Exists(there.InheritsRoot(theirs)))
            SmallFile.Mark(Path.Combine(temporary.Path, "inherits-root"));
        Make(temporary.Path, "work", 0x1C0); // 0700
        PutInPlace(temporary.Path, id, parent, OverlayLayout.NewLink());
    }

    /// <inheritdoc/>
    public string? FindLink(LayerId id) => SharedLink.Find(_layout.Diff(id));

    /// <summary>
    /// The directory whose attributes are those of a layer's root. A linked layer whose tar lists no root can't be given its parent's there: it has a
    /// directory here for that, which lies on top of it wherever it is the topmost.
    /// </summary>
    private string RootOf(LayerId id) => Directory.Exists(_layout.OwnRoot(id)) ? _layout.OwnRoot(id) : _layout.Diff(id);

    /// <summary>Makes that directory.</summary>
    private void MakeOwnRoot(LayerId id, LayerId parent)
    {
        if (Directory.Exists(_layout.OwnRoot(id)))
            return;
        using var temporary = TemporaryDirectory.Create(_temporary, RemoveTemporary);
        string root = Path.Combine(temporary.Path, "root");
        Make(temporary.Path, "root", 0x1ED); // 0755
        InheritRoot(parent, root);
        try
        {
            Directory.Move(root, _layout.OwnRoot(id));
        }
        catch (IOException) when (Directory.Exists(_layout.OwnRoot(id)))
        {
            // another process was faster, and made the same
        }
    }
}
