using Strata.Linux;

namespace Strata.Drivers.Vfs;

/// <content>A layer is a whole tree: it lies on nothing, and is replaced by an exchange of two directories.</content>
public sealed partial class VfsDriver : ILayerStructure
{
    /// <inheritdoc/>
    public IReadOnlyList<LayerId> GetLayersBelow(LayerId id)
    {
        RequireExists(id);
        return [];
    }

    /// <inheritdoc/>
    public IReadOnlyList<LayerProblem> CheckStructure(LayerId id, LayerId? parent, bool repair)
    {
        RequireExists(id);
        return [];
    }

    /// <inheritdoc/>
    public void ReplaceContent(LayerId id, LayerId whole)
    {
        RequireExists(id);
        RequireExists(whole);
        NameCalls.Rename(PathOf(id), PathOf(whole), NameCalls.RenameExchange);
        string mine = SideDirectoryOf(id), others = SideDirectoryOf(whole);
        if (SharedLink.Find(mine) is not null)
            File.Delete(mine); // of a link that was exchanged for a layer of our own, or another link
        if (Directory.Exists(mine) && Directory.Exists(others))
            NameCalls.Rename(mine, others, NameCalls.RenameExchange);
        else if (Directory.Exists(others))
            NameCalls.Rename(others, mine);
    }
}
