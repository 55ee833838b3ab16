using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Strata.Oci;
using Strata.Store;

namespace Strata.Api;

/// <summary>A store behind a daemon's control API (docs/api/openapi.json).</summary>
internal sealed class RemoteOperations(string socket) : IStoreOperations
{
    private const int LayersAtOnce = 1000;
    private static readonly ApiJson Json = ApiJson.Replies;
    private readonly ApiClient _client = new(socket);

    public StoreStatus GetStatus() => Get("/v1/status", Json.StatusReply).ToStatus();

    public HostFacts GetFacts() => Get("/v1/info", Json.InfoReply).ToFacts();

    public IReadOnlyList<ImageRecord> ListImages() => [.. Get("/v1/images", Json.ListImageReply).Select(i => i.ToRecord())];

    public IReadOnlyList<IndexRecord> ListIndexes() => [.. Get("/v1/indexes", Json.ListIndexReply).Select(i => i.ToRecord())];

    public IReadOnlyList<LayerRecord> ListLayers(int limit = int.MaxValue, string? after = null)
    {
        var all = new List<LayerRecord>();
        while (all.Count < limit)
        {
            int wanted = Math.Min(limit - all.Count, LayersAtOnce);
            var page = Get("/v1/layers" + Query(("limit", wanted.ToString(CultureInfo.InvariantCulture)), ("after", after)), Json.ListLayerReply);
            all.AddRange(page.Select(l => l.ToRecord()));
            if (page.Count < wanted)
                break;
            after = page[^1].ChainId;
        }
        return all;
    }

    public IReadOnlyList<WritableStatus> ListWritable() => [.. Get("/v1/writable", Json.ListWritableReply).Select(w => w.ToStatus())];

    public string Create(CreateRequest request, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) => _client.Call(
        HttpMethod.Post, "/v1/writable",
        Body(
            new CreateWritableRequest
            {
                Name = request.Name, From = request.From, Platform = request.Platform, StorageOptions = request.StorageOptions.ToDictionary(), Init = request.Init,
                IdMapping = request.IdMapping?.ToString(),
            },
            Json.CreateWritableRequest),
        Json.WritableReply, progress, cancellationToken).Name;

    public string Mount(string name, string? target) =>
        _client.Call(HttpMethod.Post, Writable(name, "/mount"), Body(new MountRequestBody { Target = target }, Json.MountRequestBody), Json.MountReply).Path;

    public void Unmount(string name) => _client.Call(HttpMethod.Post, Writable(name, "/umount"));

    public IReadOnlyList<Change> Changes(string name, bool compareContents, CancellationToken cancellationToken) =>
        [.. _client.Call(HttpMethod.Get, Writable(name, "/changes") + Query(("contents", compareContents ? "true" : null)), null, Json.ListChangeReply, null, cancellationToken).Select(c => c.ToChange())];

    public void Diff(string name, Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) =>
        _client.Download(HttpMethod.Get, Writable(name, "/diff"), null, destination, "diff", progress, cancellationToken);

    public ImageRecord Commit(string writable, string name, ImageChanges changes, IProgress<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH") is { Length: > 0 })
            throw StrataException.NotSupported("SOURCE_DATE_EPOCH does not go through the control API: unset it, or use the store directly (--api-socket '').");
        var request = new CommitImageRequest
        {
            Name = name,
            Changes = [.. changes.Config.Select(c => new ConfigChangeMessage { Instruction = c.Instruction.ToString(), Text = c.Text, Literal = c.IsLiteral })],
            Author = changes.Author,
            Message = changes.Message,
        };
        return _client.Call(HttpMethod.Post, Writable(writable, "/image"), Body(request, Json.CommitImageRequest), Json.ImageReply, progress, cancellationToken).ToRecord();
    }

    public LayerRecord Apply(Stream layer, string? onto, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) => _client.Call(
        HttpMethod.Post, "/v1/layers" + Query(("onto", onto)), UploadContent.Of(layer, "layer", SizeOf(layer), progress), Json.LayerReply, null, cancellationToken).ToRecord();

    public IReadOnlyList<ImageRecord> Load(string path, LoadOptions options, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
            return Load(new UploadContent((stream, cancelled) => FolderTar.Write(path, stream, options.Progress, cancelled)), Path.GetFileName(Path.GetFullPath(path)), options, cancellationToken);
        if (!File.Exists(path))
            throw StrataException.NotFound($"There is no file or folder '{path}'.");
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        return Load(file, Path.GetFileNameWithoutExtension(path), options, cancellationToken);
    }

    public IReadOnlyList<ImageRecord> Load(Stream stream, string shown, LoadOptions options, CancellationToken cancellationToken) =>
        Load(UploadContent.Of(stream, "image", SizeOf(stream), options.Progress), shown, options, cancellationToken);

    public void Save(IReadOnlyList<string> images, string? platform, Stream destination, SaveOptions options, CancellationToken cancellationToken)
    {
        var request = new SaveRequest
        {
            Images = [.. images], Platform = platform, Format = options.Format.ToString(), Compression = options.Compression.ToString(), Level = options.Level, AllPlatforms = options.AllPlatforms,
        };
        _client.Download(HttpMethod.Post, "/v1/save", Body(request, Json.SaveRequest), destination, "image", options.Progress, cancellationToken);
    }

    public void Tag(string image, string name) => _client.Call(HttpMethod.Post, "/v1/names", Body(new NameRequest { Image = image, Name = name }, Json.NameRequest));

    public Untagged? Untag(string name)
    {
        try
        {
            var gone = _client.Call(HttpMethod.Delete, "/v1/names" + Query(("name", name)), null, Json.UntaggedReply);
            return new Untagged(gone.Name, Digest.Parse(gone.Id));
        }
        catch (StrataException e) when (e.Kind == ErrorKind.NotFound)
        {
            return null;
        }
    }

    public Removed Remove(string item, bool force) =>
        _client.Call(HttpMethod.Post, "/v1/remove", Body(new RemoveRequest { Item = item, Force = force }, Json.RemoveRequest), Json.RemovedReply).ToRemoved();

    public IReadOnlyList<HistoryStep> History(string image, string? platform) =>
        [.. Get("/v1/history" + Query(("image", image), ("platform", platform)), Json.ListStepReply).Select(s => s.ToStep())];

    public byte[] Inspect(string item, string? platform) => Bytes("/v1/inspect" + Query(("item", item), ("platform", platform)));

    public byte[] ReadDocument(string image, string? platform, string document) =>
        Bytes("/v1/document" + Query(("image", image), ("platform", platform), ("document", document)));

    public CollectReport Collect(bool dryRun, bool unnamedImages, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) => _client.Call(
        HttpMethod.Post, "/v1/gc" + Query(("dryRun", dryRun ? "true" : null), ("unnamedImages", unnamedImages ? "true" : null)), null, Json.CollectReply, progress, cancellationToken).ToReport();

    public IReadOnlyList<ItemUsage> Measure(IReadOnlyList<string> items, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) =>
        [.. _client.Call(HttpMethod.Get, "/v1/usage" + Query([.. items.Select(item => ("item", (string?)item))]), null, Json.ListItemReply, progress, cancellationToken).Select(i => i.ToUsage())];

    public CheckReport Check(bool deep, bool repair, bool dockerIsGone, IReadOnlyList<string> from, IProgress<ProgressReport>? progress, CancellationToken cancellationToken) => from.Count > 0
        ? throw StrataException.NotSupported("--from does not go through the control API: the daemon opens no files for others. Use the store directly: --api-socket ''.")
        : _client.Call(HttpMethod.Post, "/v1/check" + Query(("deep", deep ? "true" : null), ("repair", repair ? "true" : null), ("dockerGone", dockerIsGone ? "true" : null)), null, Json.CheckReply, progress, cancellationToken).ToReport();

    public void Dispose() => _client.Dispose();

    private List<ImageRecord> Load(UploadContent content, string shown, LoadOptions options, CancellationToken cancellationToken)
    {
        string path = "/v1/images" + Query(("shown", shown), ("name", options.Name), ("platform", options.Platform), ("allPlatforms", options.AllPlatforms ? "true" : null));
        return [.. _client.Call(HttpMethod.Post, path, content, Json.ListImageReply, null, cancellationToken).Select(i => i.ToRecord())];
    }

    private T Get<T>(string path, JsonTypeInfo<T> type) => _client.Call(HttpMethod.Get, path, null, type);

    private byte[] Bytes(string path)
    {
        using var bytes = new MemoryStream();
        _client.Download(HttpMethod.Get, path, null, bytes, "", null, CancellationToken.None);
        return bytes.ToArray();
    }

    private static ByteArrayContent Body<T>(T value, JsonTypeInfo<T> type) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, type)) { Headers = { ContentType = new MediaTypeHeaderValue(ApiHeaders.JsonMediaType) } };

    private static string Writable(string name, string call) => $"/v1/writable/{Uri.EscapeDataString(name)}{call}";

    private static string Query(params (string Name, string? Value)[] parameters)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in parameters)
        {
            if (value is not null)
                text.Append(text.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
        return text.ToString();
    }

    private static long SizeOf(Stream stream) => stream.CanSeek ? stream.Length : -1;
}
