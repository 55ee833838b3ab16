namespace Strata;

/// <summary>A stretch of a sparse file that holds data.</summary>
/// <param name="OffsetBytes">Where it starts in the file.</param>
/// <param name="LengthBytes">How long it is.</param>
public readonly record struct DataExtent(long OffsetBytes, long LengthBytes);
