using Strata.Drivers;
using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Layers that lie in a shared store which is gone, or has removed them.</content>
public sealed partial class Store
{
    /// <summary>Throws if a layer, or one below it, lies in a shared store and is not there. Costs one look-up where nothing is shared.</summary>
    private void RequirePresent(string what, ChainId? top)
    {
        if (top is not { } chain || !HasShared())
            return;
        foreach (var layer in GetChain(chain))
        {
            if (IsMissing(layer))
                throw GoneThere(what, layer);
        }
    }

    private bool HasShared() => _database.Read(s => s.Count("SELECT EXISTS (SELECT 1 FROM layers WHERE shared IS NOT NULL)")) > 0;

    /// <summary>True if a layer lies in a shared store and is not there now.</summary>
    private bool IsMissing(LayerRecord layer) =>
        layer.SharedFrom is not null && (Driver as ISharedLayers)?.FindLink(layer.DriverId) is { } target && !Path.Exists(target);

    private static StrataException GoneThere(string what, LayerRecord layer) => StrataException.Unavailable(
        $"{what} needs layer {layer.ChainId}, which lies in the shared store {layer.SharedFrom} and is not there. Make that available again (is it mounted?), or get the layer from elsewhere: strata check --repair");

    /// <summary>Tells of a layer that is gone where it lay, and of all that is on it.</summary>
    private void TellMissing(LayerRecord layer, Findings findings) => findings.Damage(
        $"layer {layer.ChainId}", $"It lies in the shared store {layer.SharedFrom}, and is not there. On it: {string.Join(", ", UsersAbove(layer.ChainId).DefaultIfEmpty("nothing"))}.",
        "Make the shared store available again (is it mounted?), or strata check --repair: then it is used from another shared store, or got from where it came.");

    /// <summary>Links a layer again that is gone where it lay, and is in a shared store elsewhere.</summary>
    private bool Relink(LayerRecord layer, ILayerStructure structure, LayerId? parent)
    {
        foreach (var shared in SharedStores)
        {
            var theirs = shared.Ask(s => s.ListWhole($"SELECT {Rows.LayerColumns} FROM layers WHERE chain=$1", Rows.Layer, layer.ChainId.ToString()).FirstOrDefault(), null);
            if (theirs is null || !Directory.Exists(shared.Home))
                continue;
            var made = LayerId.New();
            using var lease = Lease.Take(_layout, made);
            try
            {
                LinkOne(shared, theirs, made, parent);
                Replace(layer with { SharedFrom = shared.Root }, structure, made);
                return true;
            }
            catch (StrataException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.Corrupt)
            {
                continue; // gone there, too
            }
            finally
            {
                DiscardQuietly(made, lease);
            }
        }
        return false;
    }

    private List<string> UsersAbove(ChainId layer)
    {
        const string Above = "WITH RECURSIVE above (chain) AS (VALUES ($1) UNION SELECT layers.chain FROM above JOIN layers ON layers.parent = above.chain) ";
        return _database.Read(s => s.List(
            $"""
            {Above}
            SELECT 'image ' || coalesce((SELECT min(name) FROM names WHERE names.manifest = images.manifest), images.manifest) FROM images WHERE top IN (SELECT chain FROM above)
            UNION ALL SELECT 'writable layer ' || name FROM writable WHERE parent IN (SELECT chain FROM above)
            UNION ALL SELECT 'snapshot ' || key FROM snapshots WHERE layer IN (SELECT chain FROM above)
            """, r => r.GetString(0), layer.ToString()));
    }
}
