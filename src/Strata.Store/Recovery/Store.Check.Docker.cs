namespace Strata.Store;

/// <content>Checking layers that their owner names, against the records of the one owner who keeps such: Docker.</content>
public sealed partial class Store
{
    private static readonly TimeSpan BeingMade = TimeSpan.FromHours(1);

    private void CheckGraph(CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        var before = Graph.Home is { } home ? new DockerRecords(home) : null;
        if (options.DockerIsGone && before is { AreThere: true })
            throw StrataException.InvalidArgument($"Docker is not gone: its records are in {before.DataRoot}. Without --docker-gone the check compares with them.");
        var layers = Graph.List();
        foreach (var layer in layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Try($"Docker's layer {layer.Id}", findings, () => CheckGraphLayer(layer, options, findings));
        }
        if (before is { AreThere: true })
            CompareWithDocker(before, layers, options, findings, cancellationToken);
        else if (layers.Count > 0 && options is { DockerIsGone: true, Repair: true })
            DeepestFirst(layers).ForEach(layer => SweepGraph(layer, "Docker is gone.", options, findings));
        else if (layers.Count > 0 && before is not null)
            findings.Add(new Finding(
                $"Docker's data root {before.DataRoot}", $"{layers.Count} layers are Docker's, and it has no records of layers there.", Repaired: false,
                "If it has to be mounted, do that. If it is gone for good: strata check --repair --docker-gone removes them.") { Kind = FindingKind.Leftover });
    }

    private void CheckGraphLayer(GraphLayer layer, CheckOptions options, Findings findings)
    {
        string subject = $"Docker's layer {layer.Id}";
        if (!Driver.Exists(layer.DriverId))
        {
            if (Graph.Find(layer.Id)?.DriverId == layer.DriverId)
                findings.Damage(subject, $"The {Driver.Name} driver has no layer {layer.DriverId}: its files are gone.", "Remove the image or container from Docker.");
            return;
        }
        if (Graph.IsRecorded(layer))
            return;
        using var lease = Lease.TryTake(_layout, layer.DriverId);
        if (lease is null || Graph.Find(layer.Id) != layer)
            return; // somebody changes it just now
        if (options.Repair)
            Graph.Record(layer);
        findings.Damage(subject, "The file from which the metadata could be made again is missing, old or damaged.", "strata check --repair writes it.", options.Repair);
    }

    private void CompareWithDocker(DockerRecords before, IReadOnlyList<GraphLayer> layers, CheckOptions options, Findings findings, CancellationToken cancellationToken)
    {
        // Looked at twice: what Docker names or forgets meanwhile is in one of them only.
        var after = new DockerRecords(Graph.Home!);
        bool running = after.IsDockerRunning;
        var byId = layers.ToDictionary(layer => layer.Id, StringComparer.Ordinal);
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (string id in before.Layers.Keys.Concat(after.Layers.Keys))
        {
            for (string? next = id; next is not null && wanted.Add(next);)
                next = byId.GetValueOrDefault(next)?.Parent; // what lies below a wanted one is wanted
        }
        foreach (var layer in DeepestFirst(layers.Where(layer => !wanted.Contains(layer.Id))))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (running && DateTimeOffset.UtcNow - layer.Created < BeingMade)
                continue; // Docker may be about to name it
            SweepGraph(layer, $"Docker does not know it: no image and no container in {after.DataRoot} has it.", running ? options with { Repair = false } : options, findings);
        }
        foreach (var (id, owner) in after.Layers)
        {
            // Of a container that Docker is removing the layers go before the records.
            bool container = owner?.StartsWith("container", StringComparison.Ordinal) == true;
            if (owner is not null && !byId.ContainsKey(id) && before.Layers.ContainsKey(id) && !(running && container) && !Graph.Exists(id))
                findings.Damage($"Docker's layer {id}", $"Docker's {owner} has it, and the store has not.", "Remove that from Docker, and load or make it again. strata rebuild finds the layer, if its files are still there.");
        }
    }

    private void SweepGraph(GraphLayer layer, string why, CheckOptions options, Findings findings)
    {
        using (var lease = Lease.TryTake(_layout, layer.DriverId))
        {
            if (lease is null)
                return; // a tar is being applied to it, or it is being removed
        }
        string subject = $"Docker's layer {layer.Id}";
        Try(subject, findings, () =>
        {
            var usage = UsageOf(layer.DriverId);
            if (options.Repair)
                Graph.Remove(layer.Id);
            findings.Add(new Finding(subject, why, options.Repair, "It takes space and hurts nothing. While Docker does not run, strata check --repair removes it.")
            {
                Kind = FindingKind.Leftover, SizeBytes = layer.Layer is null ? usage.SizeBytes : 0,
            });
        });
    }

    private static List<GraphLayer> DeepestFirst(IEnumerable<GraphLayer> layers)
    {
        var some = layers.ToDictionary(layer => layer.Id, StringComparer.Ordinal);
        return [.. some.Values.OrderByDescending(DepthOf)];

        int DepthOf(GraphLayer layer)
        {
            int depth = 0;
            for (var next = layer; next?.Parent is { } parent && depth < some.Count; next = some.GetValueOrDefault(parent)) // damaged metadata may go round
                depth++;
            return depth;
        }
    }
}
