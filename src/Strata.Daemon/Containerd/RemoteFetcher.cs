using System.Collections.Concurrent;
using Strata.Oci.Registries;
using Strata.Store;

namespace Strata.Daemon.Containerd;

/// <summary>
/// Fetches the image that a snapshot is prepared for, if containerd says which one it is and its layer is not here: by our own downloads, unpacked
/// while they come. Its layers are then here, and containerd neither downloads nor unpacks them.
/// </summary>
/// <remarks>
/// One fetch an image, whoever asks. What fails is left to containerd, and not tried again for a while: its own pull would only wait for it. The image
/// is then one of the store, under its name.
/// </remarks>
internal sealed partial class RemoteFetcher(Store.Store store, RegistryOptions options, ILogger<RemoteFetcher> log)
{
    private const string ImageLabel = "containerd.io/snapshot/cri.image-ref";
    private const string ManifestLabel = "containerd.io/snapshot/cri.manifest-digest";
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<string, Lazy<Task>> _fetches = new();
    private readonly ConcurrentDictionary<string, long> _failed = new();

    /// <summary>Fetches the image that labels tell of, if that is needed. Never throws but for a call that is cancelled.</summary>
    internal async Task EnsureAsync(IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        if (!labels.TryGetValue(SnapshotLabels.Target, out string? target) || !labels.TryGetValue(ImageLabel, out string? name)
            || !Digest.TryParse(target, out var chain) || store.FindLayer(new ChainId(chain)) is not null)
            return;
        string wanted = labels.TryGetValue(ManifestLabel, out string? manifest) && Digest.TryParse(manifest, out _) && !name.Contains('@') ? $"{name}@{manifest}" : name;
        if (_failed.TryGetValue(wanted, out long at) && Environment.TickCount64 - at < RetryAfter.TotalMilliseconds)
            return;
        // Not by the token of the one who was first: others wait for the same.
        var fetch = _fetches.GetOrAdd(wanted, key => new Lazy<Task>(() => FetchAsync(key)));
        await fetch.Value.WaitAsync(cancellationToken);
        _fetches.TryRemove(wanted, out _);
    }

    private async Task FetchAsync(string name)
    {
        await Task.Yield();
        try
        {
            await new ImagePuller(store, options).PullAsync(name);
            _failed.TryRemove(name, out _);
        }
        catch (Exception e) when (e is StrataException or IOException or HttpRequestException or OperationCanceledException)
        {
            _failed[name] = Environment.TickCount64;
            LeftToContainerd(log, name, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Image} could not be fetched, which is left to containerd: {Reason}")]
    private static partial void LeftToContainerd(ILogger log, string image, string reason);
}
