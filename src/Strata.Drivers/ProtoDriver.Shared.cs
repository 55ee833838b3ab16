namespace Strata.Drivers;

/// <content>What linking a layer of another home begins with (<see cref="ISharedLayers"/>).</content>
public abstract partial class ProtoDriver
{
    /// <summary>Throws if a layer can't be linked under an ID.</summary>
    private protected void CheckLink(LayerId id, LayerId? parent, string home)
    {
        if (Exists(id))
            throw StrataException.AlreadyExists($"Layer {id} exists already in the {Name} driver.");
        if (parent is { } below)
            RequireExists(below);
        if (this is ISharedLayers sharing && sharing.FindSharingObstacle(home) is { } why)
            throw StrataException.NotSupported($"Can't use the layers of {home}: {why}");
    }
}
