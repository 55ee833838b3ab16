namespace Strata.Store;

/// <summary>A layer of a driver that nobody has yet: removed again on disposal, unless somebody took it. What a crash leaves of it, recovery removes.</summary>
internal sealed class SpareLayer : IDisposable
{
    private readonly Store _store;
    private readonly Lease _lease;
    private bool _kept;

    internal SpareLayer(Store store, StoreLayout layout)
    {
        _store = store;
        _lease = Lease.Take(layout, Id);
    }

    internal LayerId Id { get; } = LayerId.New();

    /// <summary>Metadata names it now.</summary>
    internal void Keep() => _kept = true;

    public void Dispose()
    {
        if (!_kept)
            _store.DiscardQuietly(Id, _lease);
        _lease.Dispose();
    }
}
