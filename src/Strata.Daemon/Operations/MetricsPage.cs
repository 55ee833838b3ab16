using System.Globalization;
using System.Text;

namespace Strata.Daemon.Operations;

/// <summary>Prometheus's text format, version 0.0.4.</summary>
internal sealed class MetricsPage(CallMetrics calls, Store.Store store)
{
    internal const string MediaType = "text/plain; version=0.0.4; charset=utf-8";
    private static readonly TimeSpan OrphansAge = TimeSpan.FromMinutes(1); // listing the driver's layers is not for every scrape
    private readonly Lock _lock = new();
    private (DateTime When, int Count) _orphans;

    internal string Write()
    {
        var text = new StringBuilder();
        Head(text, "strata_calls_total", "counter", "Calls by door and result.");
        foreach (var (labels, count, _, _) in calls.Calls)
            text.Append(CultureInfo.InvariantCulture, $"strata_calls_total{{{Labels(labels)},result=\"{labels.Result}\"}} {count}\n");
        Head(text, "strata_call_seconds", "histogram", "How long calls took.");
        foreach (var (labels, count, seconds, buckets) in calls.Calls.GroupBy(c => (c.Labels.Door, c.Labels.Call)).Select(Sum))
        {
            for (int i = 0; i < buckets.Length; i++)
            {
                string bound = i < CallMetrics.BoundsSeconds.Length ? CallMetrics.BoundsSeconds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                text.Append(CultureInfo.InvariantCulture, $"strata_call_seconds_bucket{{{Labels(labels)},le=\"{bound}\"}} {buckets[i]}\n");
            }
            text.Append(CultureInfo.InvariantCulture, $"strata_call_seconds_sum{{{Labels(labels)}}} {seconds}\n");
            text.Append(CultureInfo.InvariantCulture, $"strata_call_seconds_count{{{Labels(labels)}}} {count}\n");
        }
        Head(text, "strata_bytes_total", "counter", "Bytes of layers that came in and went out.");
        foreach (var (door, direction, bytes) in calls.Bytes)
            text.Append(CultureInfo.InvariantCulture, $"strata_bytes_total{{door=\"{door}\",direction=\"{direction}\"}} {bytes}\n");
        Gauge(text, "strata_calls_under_way", "Calls that have not ended.", calls.UnderWay);
        var held = store.GetStatistics();
        Gauge(text, "strata_layers", "Layers of the store.", held.Layers);
        Gauge(text, "strata_images", "Images.", held.Images);
        Gauge(text, "strata_writable_layers", "Writable layers.", held.Writable);
        Gauge(text, "strata_snapshots", "Snapshots of containerd.", held.Snapshots);
        Gauge(text, "strata_docker_layers", "Layers of Docker.", held.GraphLayers);
        Gauge(text, "strata_layer_bytes", "The content of all layers, each once.", held.LayerBytes);
        Gauge(text, "strata_layer_used_bytes", "The content of all layers, as often as something has it: more than strata_layer_bytes by what sharing saves.", held.UsedBytes);
        Gauge(text, "strata_orphans", "Layers of the driver that nothing names; looked for once a minute.", Orphans());
        Gauge(text, "process_resident_memory_bytes", "Memory of the daemon.", Environment.WorkingSet);
        return text.ToString();
    }

    private static ((string Door, string Call, string Result) Labels, long Count, double Seconds, long[] Buckets) Sum(
        IGrouping<(string Door, string Call), ((string Door, string Call, string Result) Labels, long Count, double Seconds, long[] Buckets)> group)
    {
        long[] buckets = new long[CallMetrics.BoundsSeconds.Length + 1];
        foreach (var counted in group)
        {
            for (int i = 0; i < buckets.Length; i++)
                buckets[i] += counted.Buckets[i];
        }
        return ((group.Key.Door, group.Key.Call, ""), group.Sum(c => c.Count), group.Sum(c => c.Seconds), buckets);
    }

    private int Orphans()
    {
        lock (_lock)
        {
            if (DateTime.UtcNow - _orphans.When > OrphansAge)
                _orphans = (DateTime.UtcNow, store.FindOrphans().Count);
            return _orphans.Count;
        }
    }

    private static string Labels((string Door, string Call, string Result) labels) => $"door=\"{labels.Door}\",call=\"{labels.Call.Replace("\"", "", StringComparison.Ordinal)}\"";

    private static void Head(StringBuilder text, string name, string type, string help) => text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static void Gauge(StringBuilder text, string name, string help, long value)
    {
        Head(text, name, "gauge", help);
        text.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
    }
}
