using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Layers that their owner names: Docker's.</content>
internal sealed partial class Rebuilder
{
    private readonly List<GraphFact> _graph = [];
    private int _ownersLayers;

    /// <summary>Reads what there is of them. Those that are no layers of the store are not to be taken for such by what is in them.</summary>
    private void FindGraph()
    {
        foreach (string path in Directory.EnumerateFiles(layout.GraphApplied).Concat(Directory.EnumerateFiles(layout.GraphWritable)).Order(StringComparer.Ordinal))
        {
            bool applied = Path.GetDirectoryName(path) == layout.GraphApplied;
            if ((applied ? GraphFact.FindApplied(path) : GraphFact.FindWritable(path)) is { } fact && (!applied || fact.Layer.Id == Path.GetFileName(path)))
                _graph.Add(fact);
            else
                _unplaced.Add(($"Docker's layer {Path.GetFileName(path)}", "Its file is damaged."));
        }
    }

    private bool IsOwners(LayerId id) => _graph.Exists(fact => fact.Layer.DriverId == id && fact.Layer.Layer is null);

    /// <summary>Adds each after the one that it lies on.</summary>
    private void AddGraph(Session s, HashSet<LayerId> there)
    {
        var placed = new Dictionary<string, string>(); // by hash
        var waiting = _graph.ToLookup(fact => fact.ParentHash ?? "");
        var next = new Stack<GraphFact>(waiting[""]);
        var done = new HashSet<GraphFact>(ReferenceEqualityComparer.Instance);
        while (next.TryPop(out var fact))
        {
            done.Add(fact);
            if (!TryPlace(s, fact, fact.ParentHash is { } hash ? placed[hash] : null, there))
                continue;
            string key = GraphFact.HashOf(fact.Layer.Id)!;
            if (placed.TryAdd(key, fact.Layer.Id))
                waiting[key].ToList().ForEach(next.Push);
        }
        foreach (var fact in _graph.Where(fact => !done.Contains(fact) && there.Contains(fact.Layer.DriverId)))
        {
            _unplaced.Add(($"Docker's layer {fact.Layer.Id}", "The layer that it lies on is missing."));
            if (fact.Layer.Layer is null)
                _named.Add(fact.Layer.DriverId);
        }
    }

    private bool TryPlace(Session s, GraphFact fact, string? parent, HashSet<LayerId> there)
    {
        var layer = fact.Layer with { Parent = parent };
        if (layer.Layer is { } chain)
        {
            if (!_chains.TryGetValue(chain, out var record))
            {
                _unplaced.Add(($"Docker's layer {layer.Id}", $"It is layer {chain}, which is missing."));
                return false;
            }
            layer = layer with { DriverId = record.DriverId };
        }
        else if (!there.Contains(layer.DriverId) || !_named.Add(layer.DriverId))
        {
            return false; // a removal that was not finished
        }
        if (s.FindGraphLayer(layer.Id) is not null)
            return false;
        s.Insert(layer);
        _ownersLayers++;
        return true;
    }
}
