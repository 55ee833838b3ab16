namespace Strata.Drivers;

/// <summary>The driver that <see cref="DriverRegistry.New"/> would choose for a root.</summary>
/// <param name="Name">The driver; null: opening would fail.</param>
/// <param name="Why">Why that one, or why none.</param>
public sealed record DriverChoice(string? Name, string Why);
