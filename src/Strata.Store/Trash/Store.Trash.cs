using Strata.Drivers;

namespace Strata.Store;

/// <content>Deleting what was removed, after everything else: under no lock that anybody else needs.</content>
public sealed partial class Store
{
    /// <summary>True if removed layers are not deleted yet. Whoever opened the store with <see cref="StoreOptions.DeletesLater"/> looks, and empties.</summary>
    public bool HasTrash => Driver is ITrash { HasTrash: true };

    /// <summary>Deletes removed layers that are not deleted yet, of whichever process.</summary>
    /// <inheritdoc cref="ITrash.EmptyTrash"/>
    public void EmptyTrash(bool wait, CancellationToken cancellationToken = default)
    {
        if (Driver is ITrash trash)
            trash.EmptyTrash(wait, cancellationToken);
    }
}
