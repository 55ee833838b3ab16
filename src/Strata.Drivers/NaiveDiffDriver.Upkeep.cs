namespace Strata.Drivers;

/// <content>What the wrapped driver can do for its upkeep, if it can.</content>
public sealed partial class NaiveDiffDriver : ILeftovers
{
    /// <inheritdoc/>
    public IReadOnlyList<Leftover> FindLeftovers() => _proto is ILeftovers known ? known.FindLeftovers() : [];

    /// <inheritdoc/>
    public bool SweepLeftover(Leftover leftover) => _proto is ILeftovers known && known.SweepLeftover(leftover);
}
