using System.Globalization;
using Strata.Api;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Api;

/// <summary>What each route does: one call of the store, as the command line makes it.</summary>
internal sealed partial class ApiCalls(Store.Store store, StoreOperations operations, MetricsPage metrics, ServeOptions options, ILogger<ApiCalls> log)
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
        context.Response.ContentType = ApiHeaders.JsonMediaType;
        await using var document = typeof(ApiCalls).Assembly.GetManifestResourceStream("openapi.json")!;
        await document.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    internal Task Status(HttpContext context) =>
        ApiBodies.WriteAsync(context, StatusReply.Of(operations.GetStatus(), ProgramVersion.Number), ApiJson.Default.StatusReply);

    internal async Task Info(HttpContext context) =>
        await ApiBodies.WriteAsync(context, InfoReply.Of(await CallThread.Run(operations.GetFacts)), ApiJson.Default.InfoReply); // each driver is tried

    internal Task Layers(HttpContext context)
    {
        int limit = Query(context, "limit") is { } text
            ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0 ? Math.Min(n, MostLayersAtOnce) : throw StrataException.InvalidArgument("'limit' is a number from 1.")
            : MostLayersAtOnce;
        return ApiBodies.WriteAsync(context, operations.ListLayers(limit, Query(context, "after")).Select(LayerReply.Of).ToList(), ApiJson.Default.ListLayerReply);
    }

    internal Task Layer(HttpContext context) => ApiBodies.WriteAsync(context, LayerReply.Of(GetLayer(context)), ApiJson.Default.LayerReply);

    internal Task RemoveLayer(HttpContext context) => ApiBodies.WriteAsync(context, LayerReply.Of(store.RemoveLayer(GetLayer(context).ChainId)), ApiJson.Default.LayerReply);

    internal Task LayerTar(HttpContext context)
    {
        var layer = GetLayer(context);
        return SendTarAsync(context, (to, cancelled) => store.WriteTar(layer, to, cancelled));
    }

    internal Task Apply(HttpContext context) => TakeAsync(
        context, body => LayerReply.Of(operations.Apply(body, Query(context, "onto"), null, context.RequestAborted)), ApiJson.Default.LayerReply);

    internal Task Snapshots(HttpContext context) => ApiBodies.WriteAsync(
        context,
        store.Snapshots.List(context.Request.Query["filter"] is { Count: > 0 } filters ? [.. filters.Select(filter => filter ?? "")] : null)
            .Select(s => new SnapshotReply(s.Key, s.Parent, s.Kind.ToString(), s.Labels, s.Created, s.Updated, s.Layer?.ToString())).ToList(),
        ApiJson.Default.ListSnapshotReply);

    internal Task DockerLayers(HttpContext context) => ApiBodies.WriteAsync(
        context, store.Graph.List().Select(g => new DockerLayerReply(g.Id, g.Parent, g.Writable, g.Content.ToString(), g.Layer?.ToString(), g.Created)).ToList(),
        ApiJson.Default.ListDockerLayerReply);

    internal async Task Remove(HttpContext context)
    {
        var request = await ApiBodies.ReadAsync(context, ApiJson.Default.RemoveRequest);
        string item = Required(request.Item, "item");
        await ApiBodies.WriteAsync(context, RemovedReply.Of(await CallThread.Run(() => operations.Remove(item, request.Force))), ApiJson.Default.RemovedReply);
    }

    internal Task Inspect(HttpContext context) =>
        ApiBodies.WriteAsync(context, operations.Inspect(Required(Query(context, "item"), "item"), Query(context, "platform")), ApiHeaders.JsonMediaType);

    internal Task Collect(HttpContext context)
    {
        bool dryRun = Flag(context, "dryRun"), unnamed = Flag(context, "unnamedImages");
        return AnswerAsync(context, progress => CollectReply.Of(operations.Collect(dryRun, unnamed, progress, context.RequestAborted)), ApiJson.Default.CollectReply);
    }

    internal Task Measure(HttpContext context)
    {
        string[] items = [.. context.Request.Query["item"].OfType<string>()];
        return AnswerAsync(context, progress => operations.Measure(items, progress, context.RequestAborted).Select(ItemReply.Of).ToList(), ApiJson.Default.ListItemReply);
    }

    internal Task Check(HttpContext context)
    {
        bool deep = Flag(context, "deep"), repair = Flag(context, "repair"), dockerIsGone = Flag(context, "dockerGone");
        return AnswerAsync(context, progress => CheckReply.Of(operations.Check(deep, repair, dockerIsGone, [], progress, context.RequestAborted)), ApiJson.Default.CheckReply);
    }

    private static string? Query(HttpContext context, string name) => context.Request.Query[name] is [{ Length: > 0 } text] ? text : null;

    private static bool Flag(HttpContext context, string name) => Query(context, name) is { } text
        && (bool.TryParse(text, out bool on) ? on : throw StrataException.InvalidArgument($"'{name}' is true or false, not '{text}'."));

    private static string Route(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;

    private static string Required(string? value, string name) => string.IsNullOrEmpty(value) ? throw StrataException.InvalidArgument($"The call has no '{name}'.") : value;

    private Store.LayerRecord GetLayer(HttpContext context)
    {
        string chain = Route(context, "chain");
        return store.FindLayer(new ChainId(Digest.Parse(chain))) ?? throw StrataException.NotFound($"There is no layer {chain} in the store.");
    }

    private static Task TextAsync(HttpContext context, string text, string type = "text/plain; charset=utf-8")
    {
        context.Response.ContentType = type;
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    private Task AnswerAsync<T>(
        HttpContext context, Func<IProgress<ProgressReport>, T> call, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        ApiProgress.AnswerAsync(context, options, log, call, type, status);

    /// <summary>A call whose body is a layer or an image.</summary>
    private static async Task TakeAsync<T>(HttpContext context, Func<Stream, T> call, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        T made;
        await using (var body = new CallStream(context))
        {
            try
            {
                made = await CallThread.Run(() => call(body));
            }
            catch (StrataException)
            {
                ApiErrors.BlameSender(context);
                await ApiBodies.DrainAsync(context);
                throw;
            }
        }
        context.Response.StatusCode = StatusCodes.Status201Created;
        await ApiBodies.WriteAsync(context, made, type);
    }

    private static async Task SendTarAsync(HttpContext context, Action<Stream, CancellationToken> write)
    {
        context.Response.ContentType = ApiHeaders.TarMediaType;
        await using var tar = new CallStream(context);
        await CallThread.Run(() =>
        {
            write(tar, context.RequestAborted);
            return true;
        });
    }
}
