namespace Strata.Drivers;

/// <summary>Something in a driver's home that belongs to no layer.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Layer">The layer that it was for, where that is known.</param>
public sealed record Leftover(LeftoverKind Kind, string Path, LayerId? Layer = null);
