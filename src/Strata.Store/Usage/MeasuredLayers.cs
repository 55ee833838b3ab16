using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>What measuring knows of all layers, in the order in which they came: columns, by number, since there may be 100,000 layers.</summary>
internal sealed class MeasuredLayers
{
    private readonly Dictionary<ChainId, int> _numbers = [];

    /// <summary>Who each is.</summary>
    internal List<ChainId> ChainIds { get; } = [];

    /// <summary>Its ID in the driver.</summary>
    internal List<LayerId> DriverIds { get; } = [];

    /// <summary>The shared store in which it lies, or null.</summary>
    internal List<string?> SharedFrom { get; } = [];

    /// <summary>The number of the layer below, or -1.</summary>
    internal int[] Parents { get; private set; } = [];

    /// <summary>How much is on each: layers, and all that keeps layers (<see cref="Roots"/>).</summary>
    internal int[] Users { get; private set; } = [];

    /// <summary>What each takes without those below it; measured later.</summary>
    internal Usage[] Own { get; private set; } = [];

    internal int Count => ChainIds.Count;

    /// <summary>The number of a layer; -1 if there is none.</summary>
    internal int Find(ChainId? chain) => chain is { } there && _numbers.TryGetValue(there, out int number) ? number : -1;

    /// <summary>Reads them, and who uses them. A row that can't be read is left out, as everywhere: check finds it.</summary>
    internal static MeasuredLayers Read(Database database) => database.Read(s =>
    {
        var layers = new MeasuredLayers();
        var below = new List<ChainId?>();
        string? shared = null;
        s.EachWhole("SELECT chain, parent, driver_id, shared FROM layers ORDER BY created, chain", row =>
        {
            var chain = new ChainId(Digest.Parse(row.GetString(0)));
            ChainId? parent = row.IsDBNull(1) ? null : new ChainId(Digest.Parse(row.GetString(1)));
            var driverId = LayerId.Parse(row.GetString(2));
            string? from = row.IsDBNull(3) ? null : row.GetString(3);
            shared = from == shared ? shared : from; // few stores, many layers
            layers._numbers.Add(chain, layers.Count);
            layers.ChainIds.Add(chain);
            layers.DriverIds.Add(driverId);
            layers.SharedFrom.Add(shared);
            below.Add(parent);
        });
        layers.Parents = [.. below.Select(layers.Find)];
        layers.Own = new Usage[layers.Count];
        layers.Users = new int[layers.Count];
        foreach (int parent in layers.Parents.Where(parent => parent >= 0))
            layers.Users[parent]++;
        s.EachWhole(string.Join(" UNION ALL ", Roots.Layers.Select(root => root.All)), row =>
        {
            if (layers.Find(new ChainId(Digest.Parse(row.GetString(0)))) is >= 0 and var kept)
                layers.Users[kept]++;
        });
        return layers;
    });

    /// <summary>The layers from a top one downwards: those that only it needs, and those that others need too.</summary>
    internal (Usage Exclusive, Usage Shared) Split(int top)
    {
        Usage exclusive = default, shared = default;
        bool alone = true;
        for (int i = top, left = Count; i >= 0 && left > 0; i = Parents[i], left--) // damaged metadata may go round in a circle
        {
            alone &= Users[i] == 1;
            if (alone)
                exclusive = Add(exclusive, Own[i]);
            else
                shared = Add(shared, Own[i]);
        }
        return (exclusive, shared);
    }

    internal static Usage Add(Usage a, Usage b) => new(a.SizeBytes + b.SizeBytes, a.Inodes + b.Inodes);
}
