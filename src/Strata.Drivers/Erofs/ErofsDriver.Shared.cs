using System.Text;
using Strata.Linux;

namespace Strata.Drivers.Erofs;

/// <content>
/// Layers of other homes: <c>ID/layer.tar</c> is a symbolic link. Indexes are made here, as of any layer that has none, or linked, if this user made
/// them there.
/// </content>
public sealed partial class ErofsDriver : ISharedLayers
{
    /// <inheritdoc/>
    public string? FindSharingObstacle(string home) => null; // a tar says the same to everyone

    /// <inheritdoc/>
    public void Link(LayerId id, LayerId? parent, string home, LayerId theirs)
    {
        CheckLink(id, parent, home);
        var there = new ErofsHome(home);
        using var temporary = TemporaryDirectory.Create(_layout.Temporary, RemoveUnfinished);
        ChangeMode(temporary.Path, 0x1C8); // 0710
        WriteLowers(temporary.Path, parent);
        if (!SharedLink.Make(Path.Combine(temporary.Path, Path.GetFileName(_layout.Tar(id))), there.Tar(theirs)))
            throw SharedLink.Missing(home, theirs);
        // The kernel parses an index: only one that we would have made, with the marks that we use.
        if (AttributeCalls.FindStatus(there.Index(theirs)) is { } index && index.Uid == ProcessCalls.UserId)
        {
            SharedLink.Make(Path.Combine(temporary.Path, Path.GetFileName(_layout.Side(id))), there.Side(theirs));
            SharedLink.Make(Path.Combine(temporary.Path, Path.GetFileName(_layout.Index(id))), there.Index(theirs));
        }
        NameCalls.Rename(temporary.Path, _layout.Of(id), NameCalls.RenameNoReplace);
    }

    /// <inheritdoc/>
    public string? FindLink(LayerId id) => SharedLink.Find(_layout.Tar(id));

    /// <summary>Writes what a layer that is being built lies on.</summary>
    private void WriteLowers(string built, LayerId? parent)
    {
        if (parent is not { } below)
            return;
        var lowers = new StringBuilder();
        foreach (var lower in FindBase(below)?.Layers ?? [below, .. _layout.ReadLowers(below)])
            lowers.Append(lower).Append('\n');
        File.WriteAllText(Path.Combine(built, "lower"), lowers.ToString(), Encoding.ASCII);
    }
}
