namespace Strata.Drivers;

/// <summary>A driver that can tell, and sweep, what it has beside its layers: what processes left that ended in the middle of something.</summary>
/// <remarks>None of it hurts; it takes space. All members are safe beside other processes: what a living one has is not told, or not swept.</remarks>
public interface ILeftovers
{
    /// <summary>What there is. Reads directories and the mount table, no layer.</summary>
    IReadOnlyList<Leftover> FindLeftovers();

    /// <summary>Removes one of them, after another look under the locks that guard it.</summary>
    /// <returns>False: it is gone already, or somebody uses it.</returns>
    /// <exception cref="StrataException">FailedPrecondition: it is mounted, and busy.</exception>
    bool SweepLeftover(Leftover leftover);
}
