namespace Strata.Store;

/// <summary>A layer that was applied before a snapshot asked for it (<see cref="SnapshotStore.ApplyAhead"/>). Whoever has it disposes it, which removes it if no snapshot adopted it.</summary>
public sealed class AheadLayer : IDisposable
{
    internal AheadLayer(SpareLayer layer, AppliedLayer applied) => (Layer, Applied) = (layer, applied);

    /// <summary>What it is.</summary>
    public AppliedLayer Applied { get; }

    internal SpareLayer Layer { get; }

    /// <inheritdoc/>
    public void Dispose() => Layer.Dispose();
}
