using Strata.Store;

namespace Strata.Oci;

/// <summary>The layers of an image that somebody has as a file or folder, by their diff IDs: to heal damaged ones from.</summary>
/// <param name="path">An OCI layout or docker-archive; a tar must not be compressed.</param>
public sealed class LayerFiles(string path) : IDisposable
{
    private readonly Lock _gate = new();
    private IImageFiles? _files;
    private Dictionary<DiffId, string>? _layers;

    /// <summary>Where the layer's blob is, if it is there. A <see cref="LayerFinder"/>.</summary>
    /// <exception cref="StrataException">NotFound, InvalidArgument, Corrupt: the file is no image.</exception>
    public IEnumerable<FoundBlob> Find(LayerRecord layer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(layer);
        lock (_gate)
        {
            if (_layers is null)
            {
                _files = ImageLoader.OpenFiles(path);
                _layers = [];
                Read(_files, _layers);
            }
        }
        return _layers.TryGetValue(layer.DiffId, out string? name) ? [new FoundBlob($"{path}: {name}", () => _files!.Open(name))] : [];
    }

    /// <inheritdoc/>
    public void Dispose() => _files?.Dispose();

    private static void Read(IImageFiles files, Dictionary<DiffId, string> layers)
    {
        if (files.FindSize("index.json") is not null)
        {
            var todo = new Queue<Descriptor>(ImageIndex.Parse(files.ReadDocument("index.json"), $"index.json of {files.Shown}").Manifests);
            var done = new HashSet<Digest>();
            while (todo.TryDequeue(out var descriptor))
            {
                string blob = BlobName(descriptor.Digest);
                if (!done.Add(descriptor.Digest) || files.FindSize(blob) is null)
                    continue;
                if (MediaTypes.IsIndex(descriptor.MediaType))
                {
                    foreach (var inner in ImageIndex.Parse(files.ReadDocument(blob), $"index {descriptor.Digest}").Manifests)
                        todo.Enqueue(inner);
                }
                else if (MediaTypes.IsManifest(descriptor.MediaType))
                {
                    var manifest = Manifest.Parse(files.ReadDocument(blob), $"manifest {descriptor.Digest}");
                    if (files.FindSize(BlobName(manifest.Config.Digest)) is not null)
                        Add(files, BlobName(manifest.Config.Digest), [.. manifest.Layers.Select(l => BlobName(l.Digest))], layers);
                }
            }
        }
        if (files.FindSize("manifest.json") is null)
            return;
        using var json = JsonDocuments.Parse(files.ReadDocument("manifest.json"), $"manifest.json of {files.Shown}");
        if (json.Root.ValueKind != System.Text.Json.JsonValueKind.Array)
            throw json.Wrong("it is no array");
        foreach (var image in json.Root.EnumerateArray())
            Add(files, json.String(image, "Config"), [.. json.Strings(image, "Layers")], layers);
    }

    private static void Add(IImageFiles files, string configName, string[] blobs, Dictionary<DiffId, string> layers)
    {
        if (files.FindSize(configName) is null)
            return;
        var diffs = ImageConfig.Parse(files.ReadDocument(configName), $"config '{configName}' of {files.Shown}").DiffIds;
        for (int i = 0; i < Math.Min(diffs.Count, blobs.Length); i++)
        {
            if (files.FindSize(blobs[i]) is not null)
                layers.TryAdd(diffs[i], blobs[i]);
        }
    }

    private static string BlobName(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";
}
