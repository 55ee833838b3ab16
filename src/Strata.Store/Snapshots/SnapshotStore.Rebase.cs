using Strata.Drivers;
using Strata.Formats.Tar;

namespace Strata.Store;

/// <content>Putting a snapshot on a parent at its commit.</content>
public sealed partial class SnapshotStore
{
    /// <summary>
    /// Puts an active snapshot on a parent. Returns null if its layer was put there; else the snapshot with another layer, to which the same was
    /// applied once more, on the parent: for drivers that must know the parent when they apply.
    /// </summary>
    private AppliedAgain? Rebase(SnapshotRecord active, SnapshotRecord below)
    {
        if (Driver is IRebasingDriver rebasing && (active.Applied is null || Driver.Capabilities.ReproducesExactDiffs))
        {
            rebasing.Rebase(active.DriverId, below.DriverId);
            return null;
        }
        if (active.Applied is null)
        {
            throw StrataException.NotSupported(
                $"The {Driver.Name} driver can't put '{active.Key}' on a parent after it was written to. Take \"rebase\" out of the plugin's capabilities in containerd's configuration.");
        }
        var again = new AppliedAgain(_store, _layout, active);
        try
        {
            again.Apply(below.DriverId);
            return again;
        }
        catch
        {
            again.Dispose();
            throw;
        }
    }

    /// <summary>A second copy of what was applied; removed again unless it is kept.</summary>
    private sealed class AppliedAgain : IDisposable
    {
        private readonly Store _store;
        private readonly StoreLayout _layout;
        private readonly SnapshotRecord _active;
        private readonly SpareLayer _layer;

        internal AppliedAgain(Store store, StoreLayout layout, SnapshotRecord active)
        {
            (_store, _layout, _active) = (store, layout, active);
            _layer = new SpareLayer(store, layout);
            Snapshot = active with { DriverId = _layer.Id, Holder = _layer.Id };
        }

        internal SnapshotRecord Snapshot { get; }

        internal void Apply(LayerId parent)
        {
            _store.Driver.CreateReadWrite(Snapshot.DriverId, parent, null);
            using var tar = new ProducedStream((destination, cancelled) =>
            {
                using var recipe = File.OpenRead(_layout.Recipe(_active.DriverId));
                using var contents = _store.Driver.OpenContents(_active.DriverId);
                TarRecipe.Open(recipe).WriteTar(contents, destination, cancelled);
            }, CancellationToken.None);
            var applied = BlobApplier.Apply(_store.Driver, _layout, Snapshot.DriverId, parent, tar, new ApplyOptions { Limits = _store.Limits }, CancellationToken.None);
            if (applied.DiffId != _active.Applied!.DiffId)
                throw StrataException.Corrupt($"'{_active.Key}' is not what was applied to it any more ({applied.DiffId}, not {_active.Applied.DiffId}): prepare it again.");
        }

        internal void Keep() => _layer.Keep();

        public void Dispose() => _layer.Dispose();
    }
}
