using Strata.Store;

namespace Strata.Oci;

/// <summary>A step by which an image was made.</summary>
/// <param name="Entry">What the config tells of it.</param>
/// <param name="Layer">The layer that it made; null: none.</param>
public sealed record HistoryStep(HistoryEntry Entry, LayerRecord? Layer);
