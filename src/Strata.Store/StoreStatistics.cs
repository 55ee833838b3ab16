namespace Strata.Store;

/// <summary>What a store holds, in numbers.</summary>
/// <param name="Layers">Layers.</param>
/// <param name="Images">Images.</param>
/// <param name="Writable">Writable layers.</param>
/// <param name="Snapshots">containerd's snapshots.</param>
/// <param name="GraphLayers">Docker's layers.</param>
/// <param name="LayerBytes">The content of all layers, each once, in bytes.</param>
/// <param name="UsedBytes">The same, each layer as often as an image, a snapshot or one of Docker's layers has it: what it would be if nothing were shared.</param>
public sealed record StoreStatistics(long Layers, long Images, long Writable, long Snapshots, long GraphLayers, long LayerBytes, long UsedBytes);
