namespace Strata.Store;

/// <content>Layers that their owner names.</content>
public sealed partial class Store
{
    /// <summary>Layers that their owner names, by the calls of the seed's driver: Docker's.</summary>
    public GraphStore Graph { get; }
}
