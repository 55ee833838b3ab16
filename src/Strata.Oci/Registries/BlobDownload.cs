using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Strata.Store;

namespace Strata.Oci.Registries;

/// <summary>Fetches one blob: goes on where a connection was cut, and gives up on one that stalls.</summary>
/// <remarks>
/// A later part must be of the same version (entity tag) as the first where the server tells one; where it is not, or ranges are not served, the
/// blob is read again from its beginning and what was delivered is skipped. Whoever reads verifies the digest over all of it.
/// </remarks>
internal sealed class BlobDownload : IDisposable
{
    private const int BufferBytes = 128 * 1024;
    private const int WorthDeliveringBytes = 32 * 1024;
    private const int FastSampleBytes = 1 << 20;
    private readonly RegistryClient _client;
    private readonly BlobDownloads _all;
    private readonly Descriptor _blob;
    private readonly BlobBuffer _buffer;
    private readonly CancellationTokenSource _ended;
    private readonly CancellationToken _token;
    private int _started;
    private int _disposed;
    private bool _fromBeginning;
    private long _done;
    private EntityTagHeaderValue? _version;
    private PartialBlob? _partial;
    private long _networkTicks;
    private long _networkBytes;

    internal BlobDownload(RegistryClient client, BlobDownloads all, Descriptor blob, Func<FileStream> openSpill, CancellationToken cancellationToken)
    {
        _client = client;
        _all = all;
        _blob = blob;
        _buffer = new BlobBuffer(all, openSpill);
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _token = _ended.Token;
    }

    /// <summary>Begins, unless it did.</summary>
    /// <param name="places">Where to wait for a place; null: at once.</param>
    internal void Start(SemaphoreSlim? places)
    {
        if (places is null)
            Begin();
        else
            _ = WaitAsync(places);
    }

    /// <summary>The blob, to be read once. Disposed before its end it ends all downloads of the image.</summary>
    internal Stream Open()
    {
        _buffer.Open();
        return new Reading(this);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _ended.Cancel();
        _ended.Dispose();
        _buffer.Dispose();
    }

    private async Task WaitAsync(SemaphoreSlim places)
    {
        try
        {
            await places.WaitAsync(_token).ConfigureAwait(false);
            try
            {
                await Begin().ConfigureAwait(false);
            }
            finally
            {
                places.Release();
            }
        }
        catch (OperationCanceledException)
        {
            _buffer.Complete(new OperationCanceledException("The download was ended."));
        }
    }

    /// <summary>The first call does it; others return at once.</summary>
    private Task Begin() => Interlocked.Exchange(ref _started, 1) == 0 ? Task.Run(RunAsync) : Task.CompletedTask;

    private async Task RunAsync()
    {
        Exception? error = null;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var policy = new RetryPolicy(_client.Options);
            await GoOnAsync(buffer).ConfigureAwait(false);
            while (_done < _blob.SizeBytes || _done == 0)
            {
                long before = _done;
                try
                {
                    await FetchAsync(buffer).ConfigureAwait(false);
                    break;
                }
                catch (TransientException e)
                {
                    if (_done - before >= LeastProgressBytes)
                        policy.Progressed();
                    await policy.WaitAsync(e, _token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e)
        {
            error = e; // thrown where it is read
        }
        ArrayPool<byte>.Shared.Return(buffer);
        _buffer.Complete(error);
    }

    /// <summary>Delivers what an earlier pull fetched, and keeps what this one fetches for the next.</summary>
    private async Task GoOnAsync(byte[] buffer)
    {
        if (_blob.SizeBytes < _client.Options.LeastKeptBytes || (_partial = _all.OpenPartial(_blob)) is null)
            return;
        for (int read; (read = _partial.Read(buffer.AsSpan(0, BufferBytes), _done)) > 0;)
        {
            await _buffer.WriteAsync(buffer, read, _token).ConfigureAwait(false);
            _done += read;
        }
    }

    /// <summary>Keeps what came, unless it comes so fast that keeping it would cost more than fetching it again.</summary>
    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_partial is null)
            return;
        _partial.Append(bytes, _done);
        if (_networkBytes < FastSampleBytes || _networkBytes / System.Diagnostics.Stopwatch.GetElapsedTime(0, Math.Max(1, _networkTicks)).TotalSeconds < _client.Options.FastBytesPerSecond)
            return;
        _partial.Remove();
        _partial = null;
    }

    /// <summary>
    /// What a connection must bring for failures to be counted anew: a registry that cuts each one after ten bytes is given up, and does not hold a
    /// pull for days.
    /// </summary>
    private long LeastProgressBytes => Math.Clamp(_blob.SizeBytes / 16, 1, 64 * 1024);

    private string What => $"the blob {_blob.Digest} of {_client.Shown}";

    /// <summary>One connection: from where we are to the end.</summary>
    private async Task FetchAsync(byte[] buffer)
    {
        using var response = await _client.TryOpenBlobAsync(_blob.Digest, _fromBeginning ? 0 : _done, _version is { IsWeak: false } ? _version : null, _token).ConfigureAwait(false);
        long skip = Require(response);
        using var watch = new StallWatch(_client.Options.StallTimeout, _token);
        int filled = 0;
        try
        {
            var body = await response.Content.ReadAsStreamAsync(watch.Token).ConfigureAwait(false);
            await using var closing = body.ConfigureAwait(false);
            while (true)
            {
                watch.Pulse();
                long asked = System.Diagnostics.Stopwatch.GetTimestamp();
                int read = await body.ReadAsync(buffer.AsMemory(filled), watch.Token).ConfigureAwait(false);
                watch.Pause();
                _networkTicks += System.Diagnostics.Stopwatch.GetTimestamp() - asked;
                _networkBytes += read;
                if (read == 0)
                    break;
                int skipped = (int)Math.Min(skip, read);
                if (skipped > 0)
                {
                    buffer.AsSpan(filled + skipped, read - skipped).CopyTo(buffer.AsSpan(filled));
                    skip -= skipped;
                }
                filled += read - skipped;
                if (_done + filled > _blob.SizeBytes)
                    throw StrataException.Corrupt($"{What} is longer than the {_blob.SizeBytes} bytes that the image says.");
                if (filled >= WorthDeliveringBytes)
                    filled = await DeliverAsync(buffer, filled).ConfigureAwait(false);
            }
            filled = await DeliverAsync(buffer, filled).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!_token.IsCancellationRequested)
        {
            await DeliverAsync(buffer, filled).ConfigureAwait(false);
            throw new TransientException($"{What} stalled: nothing came for {_client.Options.StallTimeout.TotalSeconds:0.#} s after {_done} of {_blob.SizeBytes} bytes.", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            await DeliverAsync(buffer, filled).ConfigureAwait(false);
            throw new TransientException($"{What} was cut after {_done} of {_blob.SizeBytes} bytes.", e);
        }
        if (_done < _blob.SizeBytes)
            throw new TransientException($"{What} ended after {_done} of {_blob.SizeBytes} bytes.");
    }

    private async Task<int> DeliverAsync(byte[] buffer, int filled)
    {
        if (filled > 0)
        {
            Keep(buffer.AsSpan(0, filled));
            await _buffer.WriteAsync(buffer, filled, _token).ConfigureAwait(false);
        }
        _done += filled;
        return 0;
    }

    /// <summary>How many bytes of this answer were delivered already.</summary>
    private long Require(HttpResponseMessage response)
    {
        var headers = response.Content.Headers;
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            _fromBeginning = true;
            throw new TransientException($"{What} has nothing after byte {_done}, says its server.");
        }
        bool part = response.StatusCode == HttpStatusCode.PartialContent;
        if (part && (headers.ContentRange?.From != _done || (headers.ContentRange.Length ?? _blob.SizeBytes) != _blob.SizeBytes))
            throw StrataException.Corrupt($"{What}: another part was sent than was asked for, from byte {_done} of {_blob.SizeBytes}.");
        long whole = headers.ContentLength is { } length ? length + (part ? _done : 0) : _blob.SizeBytes;
        if (whole != _blob.SizeBytes)
            throw StrataException.Corrupt($"{What} has {whole} bytes there, not {_blob.SizeBytes} as the image says.");
        if (part && _version is not null && response.Headers.ETag is { } tag && !tag.Equals(_version))
        {
            _fromBeginning = true;
            throw new TransientException($"{What} changed while it was fetched.");
        }
        _version ??= part ? null : response.Headers.ETag;
        return part ? 0 : _done;
    }

    /// <summary>What the unpacking reads from.</summary>
    private sealed class Reading(BlobDownload download) : ReadOnlyStream
    {
        private bool _atEnd;

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty)
                return 0;
            int read = download._buffer.Read(buffer, download._token);
            _atEnd |= read == 0;
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                if (!_atEnd)
                    download._all.Abort();
                download.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
