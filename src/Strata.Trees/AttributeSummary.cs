namespace Strata.Trees;

/// <summary>What the mere list of an object's extended attributes tells, so that their values are read only where there are any.</summary>
/// <param name="OfLayer">False: it has none that a layer would hold.</param>
/// <param name="Marks">False: it has none of a driver's marks.</param>
internal readonly record struct AttributeSummary(bool OfLayer, bool Marks)
{
    /// <summary>Nothing is known: everything has to be asked for.</summary>
    internal static AttributeSummary Unknown => new(true, true);
}
