using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Getting one damaged layer again, alone, in its place.</content>
public sealed partial class Store
{
    /// <summary>
    /// Fetches a layer's blob again, applies it beside the damaged layer, verifies it, and exchanges the two: images, layers and writable layers on it
    /// stay as they are.
    /// </summary>
    /// <returns>True: it is whole again.</returns>
    private bool Restore(LayerRecord layer, CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        string subject = $"layer {layer.ChainId}";
        if (Driver is not ILayerStructure structure)
        {
            findings.Damage(subject, $"The {Driver.Name} driver can't put a layer in another's place.", "Remove its image with strata rm --force, and load it again.");
            return false;
        }
        string path = Path.Combine(_layout.Locks, layer.ChainId.Digest.Hex);
        var only = ProcessLock.AcquireNamed(path);
        try
        {
            if (FindMounted(layer.ChainId) is { } user)
            {
                findings.Damage(subject, $"It can't be put in place again while {user} is in use on it.", "Unmount that, then strata check --repair again.");
                return false;
            }
            var parent = layer.Parent is { } below ? FindLayer(below)?.DriverId : null;
            if (layer.SharedFrom is not null && IsMissing(layer) && Relink(layer, structure, parent))
            {
                findings.MarkRepaired(subject);
                return true;
            }
            bool any = false;
            foreach (var blob in options.Finders.SelectMany(finder => finder(layer, cancellationToken)))
            {
                any = true;
                try
                {
                    Restore(layer, structure, blob, cancellationToken);
                    findings.MarkRepaired(subject);
                    return true;
                }
                catch (Exception e) when (e is StrataException || FileErrors.Is(e))
                {
                    findings.Damage(subject, $"It could not be got again from {blob.Place}: {e.Message}", LoadAgain);
                }
            }
            if (!any)
                findings.Damage(subject, "Nobody knows where it can be had again.", LoadAgain);
            return false;
        }
        finally
        {
            only.Delete(path);
        }
    }

    private void Restore(LayerRecord layer, ILayerStructure structure, FoundBlob blob, CancellationToken cancellationToken)
    {
        var parent = layer.Parent is { } below ? (FindLayer(below) ?? throw StrataException.NotFound($"The layer {below} below it is missing.")).DriverId : (LayerId?)null;
        var made = LayerId.New();
        using var lease = Lease.Take(_layout, made);
        try
        {
            Driver.Create(made, parent);
            using (var stream = blob.Open())
            {
                var applied = BlobApplier.Apply(Driver, _layout, made, parent, stream, new ApplyOptions { Limits = _limits }, cancellationToken);
                if (applied.DiffId != layer.DiffId)
                    throw StrataException.Corrupt($"What is there is another layer: its tar is {applied.DiffId}, not {layer.DiffId}.");
            }
            if (!Driver.Exists(layer.DriverId))
            {
                // Nothing is left of it: an empty one, whose children still name it by its ID, takes the content.
                using var again = Lease.Take(_layout, layer.DriverId);
                Driver.Create(layer.DriverId, parent);
            }
            Replace(layer with { SharedFrom = null }, structure, made);
            structure.CheckStructure(layer.DriverId, parent, repair: true);
            if (Driver is ILayerChecker checker)
                checker.CheckLayer(layer.DriverId, repair: true, cancellationToken); // what is made of its content
            Driver.Sync();
        }
        finally
        {
            DiscardQuietly(made, lease);
        }
    }

    /// <summary>Puts a layer that was just made in the place of a damaged one, with its recipe, and says where it lies.</summary>
    private void Replace(LayerRecord layer, ILayerStructure structure, LayerId made)
    {
        Driver.Sync();
        DurableFile.SyncFileSystem(_layout.Recipes);
        if (File.Exists(_layout.Recipe(made)))
            File.Move(_layout.Recipe(made), _layout.Recipe(layer.DriverId), overwrite: true);
        structure.ReplaceContent(layer.DriverId, made);
        _database.Write(s => s.Run("UPDATE layers SET shared=$2 WHERE chain=$1", layer.ChainId.ToString(), layer.SharedFrom));
        WriteFile(_layout.LayerFact(layer.DriverId), Fact.Of(layer));
        Driver.Sync();
    }

    private void CheckPlaces(IEnumerable<LayerRecord> baseFirst, Findings findings)
    {
        if (Driver is not ILayerStructure structure)
            return;
        foreach (var layer in baseFirst)
        {
            Try($"layer {layer.ChainId}", new Findings(), () =>
            {
                foreach (var problem in structure.CheckStructure(layer.DriverId, layer.Parent is { } below ? FindLayer(below)?.DriverId : null, repair: true))
                    findings.Damage($"layer {layer.ChainId}", problem.What, problem.Advice, problem.Repaired);
            });
        }
    }

    /// <summary>Where a writable layer is mounted; null also if its files are gone or damaged.</summary>
    private string? FindMountPointIfWhole(WritableRecord record)
    {
        try
        {
            return FindMountPoint(record);
        }
        catch (StrataException e) when (e.Kind is ErrorKind.NotFound or ErrorKind.Corrupt)
        {
            return null;
        }
    }

    /// <summary>Who has something mounted that lies on a layer, or null.</summary>
    private string? FindMounted(ChainId layer)
    {
        const string Above = "WITH RECURSIVE above (chain) AS (VALUES ($1) UNION SELECT layers.chain FROM above JOIN layers ON layers.parent = above.chain) ";
        foreach (var writable in _database.Read(s => s.ListWhole($"{Above} SELECT {Rows.WritableColumns} FROM writable WHERE parent IN (SELECT chain FROM above)", Rows.Writable, layer.ToString())))
        {
            if (FindMountPointIfWhole(writable) is { } point)
                return $"the writable layer '{writable.Name}', mounted at {point},";
        }
        return _database.Read(s => s.List(
            $"{Above} SELECT key FROM snapshots WHERE layer IS NULL AND parent IN (SELECT key FROM snapshots WHERE layer IN (SELECT chain FROM above)) LIMIT 1",
            r => $"the snapshot '{r.GetString(0)}'", layer.ToString()).FirstOrDefault());
    }
}
