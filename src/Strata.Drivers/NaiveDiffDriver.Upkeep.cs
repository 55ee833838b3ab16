namespace Strata.Drivers;

/// <content>What the wrapped driver can do for its upkeep, if it can.</content>
public sealed partial class NaiveDiffDriver : ILeftovers, ILayerStructure, ISharedLayers, ITrash
{
    /// <inheritdoc/>
    public IReadOnlyList<Leftover> FindLeftovers() => _proto is ILeftovers known ? known.FindLeftovers() : [];

    /// <inheritdoc/>
    public bool SweepLeftover(Leftover leftover) => _proto is ILeftovers known && known.SweepLeftover(leftover);

    /// <inheritdoc/>
    public IReadOnlyList<LayerId> GetLayersBelow(LayerId id) => _proto is ILayerStructure known ? known.GetLayersBelow(id) : [];

    /// <inheritdoc/>
    public IReadOnlyList<LayerProblem> CheckStructure(LayerId id, LayerId? parent, bool repair) => _proto is ILayerStructure known ? known.CheckStructure(id, parent, repair) : [];

    /// <inheritdoc/>
    public void ReplaceContent(LayerId id, LayerId whole)
    {
        if (_proto is not ILayerStructure known)
            throw StrataException.NotSupported($"The {Name} driver can't put one layer's content in another's place.");
        known.ReplaceContent(id, whole);
    }

    /// <inheritdoc/>
    public string? FindSharingObstacle(string home) =>
        _proto is ISharedLayers known ? known.FindSharingObstacle(home) : $"the {Name} driver can't use layers that lie elsewhere.";

    /// <inheritdoc/>
    public void Link(LayerId id, LayerId? parent, string home, LayerId theirs)
    {
        if (_proto is not ISharedLayers known)
            throw StrataException.NotSupported($"Can't use the layers of {home}: {FindSharingObstacle(home)}");
        known.Link(id, parent, home, theirs);
    }

    /// <inheritdoc/>
    public string? FindLink(LayerId id) => (_proto as ISharedLayers)?.FindLink(id);

    /// <inheritdoc/>
    public bool KeepsTrash
    {
        get => _proto is ITrash { KeepsTrash: true };
        set
        {
            if (_proto is ITrash known)
                known.KeepsTrash = value;
        }
    }

    /// <inheritdoc/>
    public bool HasTrash => _proto is ITrash { HasTrash: true };

    /// <inheritdoc/>
    public bool IsTrashSmall => _proto is not ITrash known || known.IsTrashSmall;

    /// <inheritdoc/>
    public void EmptyTrash(bool wait, CancellationToken cancellationToken = default) => (_proto as ITrash)?.EmptyTrash(wait, cancellationToken);
}
