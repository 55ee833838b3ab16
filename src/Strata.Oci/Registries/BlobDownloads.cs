using Strata.Store;

namespace Strata.Oci.Registries;

/// <summary>The downloads of one image: several at once, those that are read before all others.</summary>
internal sealed class BlobDownloads : IDisposable
{
    private readonly RegistryClient _client;
    private readonly Func<FileStream> _openSpill;
    private readonly CancellationTokenSource _ended;
    private readonly CancellationToken _token;
    private readonly SemaphoreSlim _places;
    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, Queue<BlobDownload>> _announced = [];
    private readonly Func<Descriptor, PartialBlob?>? _openPartial;
    private readonly List<PartialBlob> _partials = [];
    private int _starving;

    /// <param name="client">Whose blobs they are.</param>
    /// <param name="openSpill">Opens a temporary file that is gone when it is closed.</param>
    /// <param name="openPartial">Opens what was fetched of a blob before, and keeps what is fetched now for the next time; null: nothing is kept.</param>
    /// <param name="cancellationToken">Ends all of them.</param>
    internal BlobDownloads(RegistryClient client, Func<FileStream> openSpill, Func<Descriptor, PartialBlob?>? openPartial, CancellationToken cancellationToken)
    {
        _openPartial = openPartial;
        _client = client;
        _openSpill = openSpill;
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _token = _ended.Token;
        _places = new SemaphoreSlim(client.Options.Parallel);
    }

    /// <summary>True: a reader waits for the network, so whatever comes is worth keeping.</summary>
    internal bool SomebodyStarves => Volatile.Read(ref _starving) > 0;

    internal void Starves(int more) => Interlocked.Add(ref _starving, more);

    /// <summary>The blob will be opened: fetching begins as soon as there is a place.</summary>
    internal void Announce(Descriptor blob)
    {
        var download = Make(blob);
        lock (_gate)
        {
            if (!_announced.TryGetValue(blob.Digest, out var queue))
                _announced[blob.Digest] = queue = new Queue<BlobDownload>();
            queue.Enqueue(download);
        }
        download.Start(_places);
    }

    /// <summary>Opens a blob that was announced, or another one. It needs no place: whoever reads must not wait for those that nobody reads.</summary>
    internal Stream Open(Descriptor blob)
    {
        BlobDownload? download = null;
        lock (_gate)
        {
            if (_announced.TryGetValue(blob.Digest, out var queue))
                queue.TryDequeue(out download);
        }
        download ??= Make(blob);
        download.Start(null);
        return download.Open();
    }

    /// <summary>True: something came out of what an earlier pull had fetched.</summary>
    internal bool HasResumed { get; private set; }

    /// <summary>What an earlier pull fetched of a blob, to be gone on with; null: there is none.</summary>
    internal PartialBlob? OpenPartial(Descriptor blob)
    {
        if (_openPartial?.Invoke(blob) is not { } partial)
            return null;
        lock (_gate)
        {
            if (_ended.IsCancellationRequested)
            {
                partial.Dispose();
                return null;
            }
            _partials.Add(partial);
            HasResumed |= partial.LengthBytes > 0;
        }
        return partial;
    }

    /// <summary>What was fetched is used, or no use: nothing of it is kept.</summary>
    internal void RemovePartials()
    {
        lock (_gate)
        {
            foreach (var partial in _partials)
                partial.Remove();
        }
    }

    /// <summary>Ends all: one that is not read to its end means that something failed, and nothing will be kept.</summary>
    internal void Abort() => _ended.Cancel();

    public void Dispose()
    {
        _ended.Cancel();
        lock (_gate)
        {
            foreach (var download in _announced.Values.SelectMany(q => q))
                download.Dispose();
            _announced.Clear();
            foreach (var partial in _partials)
                partial.Dispose();
        }
        _ended.Dispose();
        // Not the semaphore: downloads that are just ending still give their places back.
    }

    private BlobDownload Make(Descriptor blob) => new(_client, this, blob, _openSpill, _token);
}
