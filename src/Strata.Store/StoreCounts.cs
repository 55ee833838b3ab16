namespace Strata.Store;

/// <summary>How much a store holds.</summary>
/// <param name="Layers">Layers.</param>
/// <param name="Images">Images.</param>
/// <param name="Writable">Writable layers.</param>
public readonly record struct StoreCounts(long Layers, long Images, long Writable);
