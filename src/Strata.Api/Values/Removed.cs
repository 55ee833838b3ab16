namespace Strata.Api;

/// <summary>What was removed.</summary>
/// <param name="Kind">What it was.</param>
/// <param name="Name">Its name, or its ID where it has none.</param>
/// <param name="Layers">How many layers went with it.</param>
internal sealed record Removed(RemovedKind Kind, string Name, int Layers = 0);
