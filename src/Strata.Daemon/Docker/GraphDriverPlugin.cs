using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Strata.Daemon.Operations;
using Strata.Daemon.Serving;
using Strata.Drivers;
using Strata.Store;

namespace Strata.Daemon.Docker;

/// <summary>The calls of the protocol: each is one call of <see cref="GraphStore"/>.</summary>
/// <remarks>
/// Errors are an <c>Err</c> at status 200, since that is what Docker reads. A diff has no place for it, so its errors are a status; once bytes of
/// it are sent, the connection is cut, so that Docker never takes half a tar for a whole one.
/// </remarks>
internal sealed class GraphDriverPlugin(Store.Store store, ServeOptions options, ILogger<GraphDriverPlugin> log)
{
    private const string MediaType = "application/vnd.docker.plugins.v1+json";
    private const int MaxRequestBytes = 1 << 20;
    private static readonly byte[] Implements = """{"Implements":["GraphDriver"]}"""u8.ToArray();
    private static readonly GraphReply Done = new() { Err = "" };

    private GraphStore Graph => store.Graph;

    internal static Task Activate(HttpContext context)
    {
        context.Response.ContentType = MediaType;
        return context.Response.Body.WriteAsync(Implements).AsTask();
    }

    internal Task Init(HttpContext context) => Answer(context, DockerJson.Default.InitRequest, (request, _) =>
    {
        foreach (string option in request.Opts ?? [])
        {
            if (!options.DriverOptions.Contains(option))
                throw StrataException.InvalidArgument($"Docker gives the storage option '{option}': the driver's options are stratad's. Start it with --driver-opt {option}, or leave the option out.");
        }
        var map = ReadMap(request);
        Graph.IdMapping = map;
        Graph.Home = request.Home;
        Graph.MountDirectory = map is null ? null : request.Home ?? throw StrataException.InvalidArgument("Docker names no home for the plugin.");
        if (log.IsEnabled(LogLevel.Information))
            log.LogInformation("Docker began, with its home {Home} and owners {Map}", request.Home, map);
        return Done;
    });

    // With a user namespace the owners in a layer's files are not those of its tar: then Docker keeps what it needs to make the tar again.
    internal Task Capabilities(HttpContext context) => Answer(context, (_, _) => new GraphReply
    {
        Capabilities = new CapabilitiesReply { ReproducesExactDiffs = Graph.IdMapping is null },
    });

    internal Task Create(HttpContext context) => Answer(context, (request, cancelled) =>
    {
        Graph.Create(Id(request), request.Parent, OptionsOf(request), cancelled);
        return Done;
    });

    internal Task CreateReadWrite(HttpContext context) => Answer(context, (request, cancelled) =>
    {
        Graph.CreateReadWrite(Id(request), request.Parent, OptionsOf(request), cancelled);
        return Done;
    });

    internal Task Remove(HttpContext context) => Answer(context, (request, cancelled) =>
    {
        Graph.Remove(Id(request), cancelled);
        return Done;
    });

    internal Task Get(HttpContext context) => Answer(context, (request, cancelled) => new GraphReply
    {
        Dir = Graph.Get(Id(request), request.MountLabel is { Length: > 0 } label ? label : null, cancelled),
    });

    internal Task Put(HttpContext context) => Answer(context, (request, cancelled) =>
    {
        Graph.Put(Id(request), cancelled);
        return Done;
    });

    internal Task Exists(HttpContext context) => Answer(context, (request, _) => new GraphReply { Exists = request.Id is { } id && LayerId.TryParse(id, out var _) && Graph.Exists(id) });

    internal Task Status(HttpContext context) => Answer(context, (_, _) => new GraphReply
    {
        Status =
        [
            ["Driver", $"strata {ProgramVersion.Number}, {store.Driver.Name}"],
            ["Store", store.Root],
            .. store.Driver.GetStatus().Select(item => new[] { item.Key, item.Value }),
        ],
    });

    internal Task GetMetadata(HttpContext context) => Answer(context, (request, _) => new GraphReply { Metadata = Graph.GetMetadata(Id(request)).ToDictionary() });

    internal Task Cleanup(HttpContext context) => Answer(context, (_, _) =>
    {
        Graph.Cleanup();
        return Done;
    });

    internal Task Changes(HttpContext context) => Answer(context, (request, cancelled) => new GraphReply
    {
        Changes = Graph.Changes(Id(request), request.Parent, cancelled).Select(change => new ChangeReply { Path = change.Path.ToString(), Kind = (int)change.Kind }).ToList(),
    });

    internal Task DiffSize(HttpContext context) => Answer(context, (request, cancelled) => new GraphReply { Size = Graph.DiffSize(Id(request), request.Parent, cancelled) });

    internal Task ApplyDiff(HttpContext context) => Answer(context, async () =>
    {
        string id = context.Request.Query["id"].ToString(), parent = context.Request.Query["parent"].ToString();
        if (id.Length == 0)
            throw StrataException.InvalidArgument("ApplyDiff without a layer: ?id= is missing.");
        using var tar = new CallStream(context);
        long sizeBytes = await CallThread.Run(() => Graph.ApplyDiff(id, parent, tar, context.RequestAborted));
        return new GraphReply { Size = sizeBytes };
    });

    internal async Task Diff(HttpContext context)
    {
        try
        {
            var request = await Read(context, DockerJson.Default.GraphRequest);
            context.Response.ContentType = "application/x-tar";
            await using var tar = new CallStream(context);
            await CallThread.Run(() =>
            {
                Graph.Diff(Id(request), request.Parent, tar, context.RequestAborted);
                return true;
            });
        }
        catch (Exception e)
        {
            string text = Explain(context, e);
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            await Write(context, new GraphReply { Err = text });
        }
    }

    private Task Answer(HttpContext context, Func<GraphRequest, CancellationToken, GraphReply> call) => Answer(context, DockerJson.Default.GraphRequest, call);

    private Task Answer<T>(HttpContext context, JsonTypeInfo<T> type, Func<T, CancellationToken, GraphReply> call)
        where T : new() => Answer(context, async () => call(await Read(context, type), context.RequestAborted));

    private async Task Answer(HttpContext context, Func<Task<GraphReply>> call)
    {
        GraphReply reply;
        try
        {
            reply = await call();
        }
        catch (Exception e)
        {
            reply = new GraphReply { Err = Explain(context, e) };
        }
        await Write(context, reply);
    }

    private string Explain(HttpContext context, Exception e)
    {
        CallMetrics.SetFailure(context, e);
        switch (e)
        {
            case StrataException known:
                log.LogWarning("{Call}: {Error}", context.Request.Path.Value, known.Message);
                return known.Message;
            case OperationCanceledException:
                return CallDeadline.HasPassed(context) ? $"The call took longer than {options.CallTimeout.TotalSeconds:0} s, the call-timeout, and was given up." : "The call was given up by its caller.";
            case BadHttpRequestException bad:
                return $"The call broke off: {bad.Message}";
            default:
                log.LogError(e, "{Call} failed", context.Request.Path.Value);
                return e.Message;
        }
    }

    private static async Task<T> Read<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : new()
    {
        // By hand: Docker names no content type.
        using var body = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int read; (read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            if (body.Length + read > MaxRequestBytes)
                throw StrataException.InvalidArgument($"A call of more than {MaxRequestBytes} bytes is none of the protocol's.");
            body.Write(buffer, 0, read);
        }
        if (body.Length == 0)
            return new T();
        try
        {
            return JsonSerializer.Deserialize(body.GetBuffer().AsSpan(0, (int)body.Length), type) ?? new T();
        }
        catch (JsonException e)
        {
            throw StrataException.InvalidArgument($"What was sent is not JSON of the protocol: {e.Message}", e);
        }
    }

    private static Task Write(HttpContext context, GraphReply reply)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(reply, DockerJson.Default.GraphReply);
        context.Response.ContentType = MediaType;
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes).AsTask();
    }

    private static string Id(GraphRequest request) => request.Id is { Length: > 0 } id ? id : throw StrataException.InvalidArgument("The call names no layer: ID is missing.");

    private static CreateOptions OptionsOf(GraphRequest request) => new()
    {
        MountLabel = request.MountLabel is { Length: > 0 } label ? label : null,
        StorageOptions = request.StorageOpt ?? [],
    };

    private static IdMapping? ReadMap(InitRequest request)
    {
        IdRange[] users = Ranges(request.UidMaps), groups = Ranges(request.GidMaps);
        if (users.Length == 0 && groups.Length == 0)
            return null;
        return users.Length > 0 && groups.Length > 0 ? new IdMapping(users, groups) : throw StrataException.InvalidArgument("Docker maps users or groups, but not both.");
    }

    private static IdRange[] Ranges(List<IdMapEntry>? entries) => (entries ?? []).Select(entry =>
    {
        var range = new IdRange(
            entry.ContainerSent ?? entry.ContainerDocumented ?? 0, entry.HostSent ?? entry.HostDocumented ?? 0, entry.SizeSent ?? entry.SizeDocumented ?? 0);
        const long End = 1L << 32;
        return range is { Container: >= 0, Host: >= 0, Size: > 0 } && range.Container < End - range.Size && range.Host < End - range.Size
            ? range
            : throw StrataException.InvalidArgument($"{range} is no range of IDs.");
    }).ToArray();
}
