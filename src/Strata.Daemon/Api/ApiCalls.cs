using System.Globalization;
using Strata.Daemon.Operations;
using Strata.Store;

namespace Strata.Daemon.Api;

/// <summary>What each route does: one call of the store.</summary>
internal sealed partial class ApiCalls(Store.Store store, MetricsPage metrics)
{
    private const int MostLayersAtOnce = 1000;

    /// <summary>Healthy is a daemon whose store answers.</summary>
    internal Task Health(HttpContext context)
    {
        store.Count();
        return TextAsync(context, "ok\n");
    }

    internal Task Metrics(HttpContext context) => TextAsync(context, metrics.Write(), MetricsPage.MediaType);

    internal static async Task Description(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        await using var document = typeof(ApiCalls).Assembly.GetManifestResourceStream("openapi.json")!;
        await document.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    internal Task Status(HttpContext context)
    {
        var held = store.GetStatistics();
        var status = new StatusReply(
            ProgramVersion.Number, store.Root, store.Driver.Name, held.Layers, held.Images, held.Writable, held.Snapshots, held.GraphLayers, held.LayerBytes, held.UsedBytes,
            store.Driver.GetStatus().ToDictionary(item => item.Key, item => item.Value));
        return ApiJson.WriteAsync(context, status, ApiJson.Default.StatusReply);
    }

    internal Task Images(HttpContext context)
    {
        var images = context.Request.Query["name"] is [{ } name] ? (store.FindImage(name) is { } one ? [one] : []) : store.ListImages();
        return ApiJson.WriteAsync(context, images.Select(Of).ToList(), ApiJson.Default.ListImageReply);
    }

    internal Task Image(HttpContext context) => ApiJson.WriteAsync(context, Of(GetImage(context)), ApiJson.Default.ImageReply);

    internal Task RemoveImage(HttpContext context)
    {
        var removed = store.RemoveImage(Digest.Parse(Route(context, "manifest")));
        return ApiJson.WriteAsync(context, removed.Select(Of).ToList(), ApiJson.Default.ListLayerReply);
    }

    internal Task Layers(HttpContext context)
    {
        int limit = context.Request.Query["limit"] is [{ } text]
            ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0 ? Math.Min(n, MostLayersAtOnce) : throw StrataException.InvalidArgument("'limit' is a number from 1.")
            : MostLayersAtOnce;
        var after = context.Request.Query["after"] is [{ } last] ? GetLayer(last) : null;
        return ApiJson.WriteAsync(context, store.ListLayers(limit, after).Select(Of).ToList(), ApiJson.Default.ListLayerReply);
    }

    internal Task Layer(HttpContext context) => ApiJson.WriteAsync(context, Of(GetLayer(Route(context, "chain"))), ApiJson.Default.LayerReply);

    internal Task RemoveLayer(HttpContext context) =>
        ApiJson.WriteAsync(context, Of(store.RemoveLayer(GetLayer(Route(context, "chain")).ChainId)), ApiJson.Default.LayerReply);

    internal Task LayerTar(HttpContext context)
    {
        var layer = GetLayer(Route(context, "chain"));
        return SendTarAsync(context, (to, cancelled) => store.WriteTar(layer, to, cancelled));
    }

    internal Task Snapshots(HttpContext context) => ApiJson.WriteAsync(
        context,
        store.Snapshots.List(context.Request.Query["filter"] is { Count: > 0 } filters ? [.. filters.Select(filter => filter ?? "")] : null)
            .Select(s => new SnapshotReply(s.Key, s.Parent, s.Kind.ToString(), s.Labels, s.Created, s.Updated, s.Layer?.ToString())).ToList(),
        ApiJson.Default.ListSnapshotReply);

    internal Task DockerLayers(HttpContext context) => ApiJson.WriteAsync(
        context, store.Graph.List().Select(g => new DockerLayerReply(g.Id, g.Parent, g.Writable, g.Content.ToString(), g.Layer?.ToString(), g.Created)).ToList(),
        ApiJson.Default.ListDockerLayerReply);

    internal async Task Collect(HttpContext context)
    {
        var options = new CollectOptions { DryRun = Flag(context, "dryRun"), UnnamedImages = Flag(context, "unnamedImages") };
        var report = await CallThread.Run(() => store.Collect(options, context.RequestAborted));
        await ApiJson.WriteAsync(
            context,
            new CollectReply(
                [.. report.Layers.Select(l => l.Layer.ChainId.ToString())], [.. report.Images.Select(i => i.Manifest.ToString())], report.Documents.Count, report.Leftovers.Count,
                report.EndedLeases, [.. report.Failures.Select(Of)]),
            ApiJson.Default.CollectReply);
    }

    internal async Task Check(HttpContext context)
    {
        var findings = await CallThread.Run(() => store.Check(Flag(context, "deep"), Flag(context, "repair"), new Beat(context), context.RequestAborted));
        await ApiJson.WriteAsync(context, findings.Select(Of).ToList(), ApiJson.Default.ListFindingReply);
    }

    private static bool Flag(HttpContext context, string name) => context.Request.Query[name] is [{ } text]
        && (bool.TryParse(text, out bool on) ? on : throw StrataException.InvalidArgument($"'{name}' is true or false, not '{text}'."));

    private static string Route(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;

    private ImageRecord GetImage(HttpContext context)
    {
        string manifest = Route(context, "manifest");
        return store.FindImage(Digest.Parse(manifest)) ?? throw StrataException.NotFound($"There is no image {manifest} in the store.");
    }

    private LayerRecord GetLayer(string chain) => store.FindLayer(new ChainId(Digest.Parse(chain))) ?? throw StrataException.NotFound($"There is no layer {chain} in the store.");

    private static ImageReply Of(ImageRecord image) => new(
        image.Manifest.ToString(), image.Config.ToString(), image.TopLayer?.ToString(), image.SizeBytes, image.Created, image.Platform, image.Names);

    private static LayerReply Of(LayerRecord layer) => new(
        layer.ChainId.ToString(), layer.DiffId.ToString(), layer.Parent?.ToString(), layer.DriverId.ToString(), layer.TarBytes, layer.ContentBytes,
        layer.BlobDigest.ToString(), layer.BlobBytes, layer.Created);

    private static FindingReply Of(Finding finding) => new(finding.Subject, finding.Problem, finding.Repaired, finding.Advice);

    private static Task TextAsync(HttpContext context, string text, string type = "text/plain; charset=utf-8")
    {
        context.Response.ContentType = type;
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    private static async Task SendTarAsync(HttpContext context, Action<Stream, CancellationToken> write)
    {
        context.Response.ContentType = "application/x-tar";
        await using var tar = new CallStream(context);
        await CallThread.Run(() =>
        {
            write(tar, context.RequestAborted);
            return true;
        });
    }

    /// <summary>As long as there is progress, the call lives.</summary>
    private sealed class Beat(HttpContext context) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => CallDeadline.PutOff(context);
    }
}
