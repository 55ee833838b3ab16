using Strata.Trees;

namespace Strata.Store;

/// <content>The files beside the metadata from which it can be made again (<see cref="GraphFact"/>).</content>
public sealed partial class GraphStore
{
    /// <summary>Writes the file of a layer that a process named which ended before it could.</summary>
    internal void Record(LayerId driverId, Lease lease)
    {
        foreach (var layer in _database.Read(s => s.ListGraphLayers()).Where(layer => layer.DriverId == driverId && layer.Writable))
            Record(layer, lease);
    }

    /// <summary>True if a layer has the file that it must have.</summary>
    internal bool IsRecorded(GraphLayer layer) => layer.Writable
        ? File.Exists(_layout.GraphFact(layer)) || File.Exists(Path.Combine(_layout.Leases, layer.DriverId.ToString()))
        : layer.Content != GraphContent.Applied || (GraphFact.FindApplied(_layout.GraphFact(layer))?.Layer is { } there && there.Parent == layer.Parent && there.Layer == layer.Layer);

    /// <summary>Writes the file of a layer as the metadata has it.</summary>
    internal void Record(GraphLayer layer)
    {
        if (layer.Writable)
            File.WriteAllText(_layout.GraphFact(layer), layer.IdMapping?.ToString() ?? "");
        else
            File.WriteAllBytes(_layout.GraphFact(layer), GraphFact.Of(layer));
    }

    /// <summary>One that is applied gets its file with its content.</summary>
    private void Record(GraphLayer layer, Lease lease)
    {
        if (!layer.Writable)
            return;
        if (layer.IdMapping is null)
            lease.TurnInto(_layout.GraphFact(layer));
        else
            RecordQuietly(layer);
    }

    private void RecordQuietly(GraphLayer layer)
    {
        try
        {
            Record(layer);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            // The layer is made, and the metadata has it. Check finds that its file is missing.
        }
    }
}
