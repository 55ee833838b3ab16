using Strata.Store.Metadata;

namespace Strata.Store;

/// <summary>What measuring knows of all layers, in the order in which they came: columns, by number, since there may be 100,000 layers.</summary>
internal sealed class MeasuredLayers
{
    private MeasuredLayers(int capacity)
    {
        Numbers = new LayerNumbers(capacity);
        DriverIds = new LayerIdColumn(capacity);
    }

    /// <summary>Who each is.</summary>
    internal LayerNumbers Numbers { get; }

    /// <summary>Its ID in the driver.</summary>
    internal LayerIdColumn DriverIds { get; }

    /// <summary>The shared store in which it lies; none: it is here.</summary>
    internal Dictionary<int, string> SharedFrom { get; } = [];

    /// <summary>The number of the layer below, or -1.</summary>
    internal int[] Parents { get; private set; } = [];

    /// <summary>How much is on each: layers, and all that keeps layers (<see cref="Roots"/>).</summary>
    internal int[] Users { get; private set; } = [];

    /// <summary>What each takes without those below it; measured later.</summary>
    internal Usage[] Own { get; private set; } = [];

    internal int Count => Numbers.Count;

    /// <summary>Reads them, and who uses them. A row that can't be read is left out, as everywhere: check finds it.</summary>
    internal static MeasuredLayers Read(Database database) => database.Read(s =>
    {
        int count = (int)s.Count("SELECT count(*) FROM layers");
        var layers = new MeasuredLayers(count);
        var parents = new List<int>(count);
        var later = new List<(int Layer, ChainId Parent)>(); // of whom the parent comes after it
        string? shared = null;
        s.EachWhole("SELECT chain, parent, driver_id, shared FROM layers ORDER BY created, chain", row =>
        {
            var chain = new ChainId(Digest.Parse(row.GetString(0)));
            ChainId? parent = row.IsDBNull(1) ? null : new ChainId(Digest.Parse(row.GetString(1)));
            var driverId = LayerId.Parse(row.GetString(2));
            string? from = row.IsDBNull(3) ? null : row.GetString(3);
            shared = from == shared ? shared : from; // few stores, many layers
            int number = layers.Count, below = layers.Numbers.Find(parent);
            if (parent is { } missed && below < 0)
                later.Add((number, missed));
            if (shared is not null)
                layers.SharedFrom.Add(number, shared);
            layers.Numbers.Add(chain);
            layers.DriverIds.Add(driverId);
            parents.Add(below);
        });
        foreach (var (layer, parent) in later)
            parents[layer] = layers.Numbers.Find(parent);
        layers.Parents = [.. parents];
        layers.Own = new Usage[layers.Count];
        layers.Users = new int[layers.Count];
        foreach (int parent in layers.Parents)
        {
            if (parent >= 0)
                layers.Users[parent]++;
        }
        s.EachWhole(string.Join(" UNION ALL ", Roots.Layers.Select(root => root.All)), row =>
        {
            if (layers.Numbers.Find(new ChainId(Digest.Parse(row.GetString(0)))) is >= 0 and var kept)
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
