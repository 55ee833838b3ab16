namespace Strata.Drivers;

/// <summary>Where an entry stands in its tar.</summary>
/// <param name="Index">0 for the first entry.</param>
/// <param name="DataOffsetBytes">Where its data begins in the tar; -1: it has none.</param>
public readonly record struct EntryPosition(long Index, long DataOffsetBytes);
