using Google.Protobuf;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Daemon.Containerd;

/// <summary>A blob of containerd's content store, read from start to end. For a thread that may block.</summary>
internal sealed class ContentReadStream : ReadOnlyStream
{
    private const int ChunksUnderWay = 8; // containerd sends a megabyte at a time

    private readonly AsyncServerStreamingCall<ReadContentResponse> _call;
    private readonly System.Collections.Concurrent.BlockingCollection<ByteString> _chunks = new(ChunksUnderWay);
    private readonly CancellationTokenSource _ended;
    private readonly Task _pump;
    private readonly Action<long> _moved;
    private Exception? _error;
    private ReadOnlyMemory<byte> _rest;

    /// <param name="client">containerd.</param>
    /// <param name="digest">The blob.</param>
    /// <param name="headers">The namespace it is in.</param>
    /// <param name="moved">Told how many bytes came.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal ContentReadStream(ContainerdClient client, string digest, Metadata headers, Action<long> moved, CancellationToken cancellationToken)
    {
        _moved = moved;
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _call = client.Content.Read(new ReadContentRequest { Digest = digest }, headers, cancellationToken: _ended.Token);
        _pump = Task.Run(() => PumpAsync(client, digest), CancellationToken.None);
    }

    public override int Read(Span<byte> buffer)
    {
        while (_rest.IsEmpty)
        {
            if (!_chunks.TryTake(out var chunk, Timeout.Infinite))
                return _error is null ? 0 : throw _error;
            _rest = chunk.Memory;
            _moved(chunk.Length);
        }
        int read = Math.Min(buffer.Length, _rest.Length);
        _rest.Span[..read].CopyTo(buffer);
        _rest = _rest[read..];
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _ended.Cancel();
            // The pump ends by itself, and nobody need wait for it: what it holds it gives back.
            _pump.ContinueWith(
                _ =>
                {
                    _call.Dispose();
                    _chunks.Dispose();
                    _ended.Dispose();
                },
                CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
        base.Dispose(disposing);
    }

    private async Task PumpAsync(ContainerdClient client, string digest)
    {
        try
        {
            await foreach (var response in _call.ResponseStream.ReadAllAsync(_ended.Token))
            {
                if (!response.Data.IsEmpty)
                    _chunks.Add(response.Data, _ended.Token);
            }
        }
        catch (RpcException e)
        {
            _error = e.StatusCode == StatusCode.Cancelled ? new OperationCanceledException() : client.Translate(e, $"Can't read the blob {digest} from the content store");
        }
        catch (OperationCanceledException e)
        {
            _error = e;
        }
        finally
        {
            _chunks.CompleteAdding();
        }
    }
}
