using Strata.Formats.Compression;
using Strata.Store;

namespace Strata.Oci.Registries;

/// <summary>Brings the layers of one image into one repository, each in the cheapest way that there is.</summary>
internal sealed class LayerPusher(Store.Store store, RegistryClient client, RegistryReference reference, PushOptions options)
{
    private readonly CompressionKind _kind = options.Compression switch
    {
        PushCompression.Zstd => CompressionKind.Zstd,
        PushCompression.None => CompressionKind.None,
        _ => CompressionKind.Gzip,
    };

    private int _present;
    private int _mounted;
    private int _sent;
    private long _sentBytes;

    internal int Present => _present;

    internal int Mounted => _mounted;

    internal int Sent => _sent;

    internal long SentBytes => _sentBytes;

    /// <summary>Brings one layer there.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="wanted">The blob that the image's manifest names.</param>
    /// <param name="step">What progress is called.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>The blob that is there now.</returns>
    internal async Task<Descriptor> PushAsync(LayerRecord layer, Descriptor wanted, string step, CancellationToken cancellationToken)
    {
        var places = store.ListOrigins(layer.DiffId);
        // The image's own blob, if it is there or in another repository of the registry.
        if (await BringAsync(wanted.Digest, places, cancellationToken).ConfigureAwait(false))
            return wanted;
        // Another blob of the same tar, of the kind that is asked for: from an earlier push.
        foreach (var place in places.Where(p => p.Blob != wanted.Digest && OriginPlace.TryParseRegistry(p.Place, out var r) && r.Host == reference.Host).DistinctBy(p => p.Blob))
        {
            if ((place.Blob == layer.DiffId.Digest) == (_kind == CompressionKind.None)
                && await BringAsync(place.Blob, places, cancellationToken).ConfigureAwait(false))
            {
                var kind = Decompressor.Detect(await client.PeekAsync(place.Blob, Decompressor.MagicBytes, cancellationToken).ConfigureAwait(false));
                if (kind is CompressionKind.None or CompressionKind.Gzip or CompressionKind.Zstd)
                    return new Descriptor(TypeOf(wanted, kind), place.Blob, place.BlobBytes);
            }
        }
        var (digest, bytes) = await client.UploadAsync((stream, cancellation) => Write(layer, stream, step, cancellation), $"the layer {layer.DiffId}", cancellationToken).ConfigureAwait(false);
        Interlocked.Increment(ref _sent);
        Interlocked.Add(ref _sentBytes, bytes);
        store.AddOrigin(layer.DiffId, new LayerOrigin(OriginPlace.InRegistry(reference.Host, reference.Repository, digest), digest, bytes, DateTimeOffset.UtcNow));
        return new Descriptor(TypeOf(wanted, _kind), digest, bytes);
    }

    /// <summary>True: the repository has the blob, or has it now.</summary>
    private async Task<bool> BringAsync(Digest blob, IReadOnlyList<LayerOrigin> places, CancellationToken cancellationToken)
    {
        if (await client.FindBlobAsync(blob, cancellationToken).ConfigureAwait(false) is not null)
        {
            Interlocked.Increment(ref _present);
            return true;
        }
        foreach (var place in places.Where(p => p.Blob == blob))
        {
            if (OriginPlace.TryParseRegistry(place.Place, out var from) && from.Host == reference.Host && from.Repository != reference.Repository
                && await client.MountAsync(blob, from.Repository, cancellationToken).ConfigureAwait(false))
            {
                Interlocked.Increment(ref _mounted);
                return true;
            }
        }
        return false;
    }

    /// <summary>The layer's tar, verified by the store while it is written, compressed. An error ends the upload before its digest is told.</summary>
    private void Write(LayerRecord layer, Stream stream, string step, CancellationToken cancellationToken)
    {
        using var compressed = Compressor.Open(stream, _kind, options.Level, leaveOpen: true);
        using var counted = new Counting(compressed, options.Progress, step, layer.TarBytes);
        store.WriteTar(layer, counted, cancellationToken);
    }

    private static string TypeOf(Descriptor wanted, CompressionKind kind) => MediaTypes.LayerType(wanted.MediaType, kind switch
    {
        CompressionKind.Gzip => "+gzip",
        CompressionKind.Zstd => "+zstd",
        _ => "",
    });

    /// <summary>Tells progress.</summary>
    private sealed class Counting(Stream inner, IProgress<ProgressReport>? progress, string step, long total) : WriteOnlyStream
    {
        private const long StepBytes = 1 << 20;
        private long _done;
        private long _told;

        public override void Flush() => inner.Flush();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            _done += buffer.Length;
            if (progress is null || (_done - _told < StepBytes && _done < total))
                return;
            _told = _done;
            progress.Report(new ProgressReport(step, _done, total));
        }
    }
}
