using Google.Protobuf;
using Grpc.Core;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Daemon.Containerd;

/// <summary>Writes one blob into containerd's content store; it is there when it was committed, and no part of it before.</summary>
internal sealed class ContentWriter : IAsyncDisposable
{
    private const int ChunkBytes = 1 << 20;
    private readonly ContainerdClient _client;
    private readonly string _reference;
    private readonly Metadata _headers;
    private readonly AsyncDuplexStreamingCall<WriteContentRequest, WriteContentResponse> _call;
    private readonly Action<long> _moved;
    private bool _committed;

    /// <param name="client">containerd.</param>
    /// <param name="reference">What the write is called there.</param>
    /// <param name="headers">The namespace it is in.</param>
    /// <param name="moved">Told how many bytes went.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal ContentWriter(ContainerdClient client, string reference, Metadata headers, Action<long> moved, CancellationToken cancellationToken)
    {
        _moved = moved;
        (_client, _reference, _headers) = (client, reference, headers);
        _call = client.Content.Write(headers, cancellationToken: cancellationToken);
    }

    /// <summary>Writes all that a stream holds, and commits it.</summary>
    /// <param name="source">What is written.</param>
    /// <param name="finished">Called at its end: the digest that it must have, and its labels.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>How many bytes were written.</returns>
    internal async Task<long> WriteAsync(Stream source, Func<Task<(string Digest, Dictionary<string, string> Labels)>> finished, CancellationToken cancellationToken)
    {
        try
        {
            // Whatever an earlier attempt under the same reference left is written over.
            await SendAsync(new WriteContentRequest { Action = WriteAction.Stat, Ref = _reference }, cancellationToken);
            long offset = 0;
            byte[] buffer = new byte[ChunkBytes];
            for (int read; (read = await source.ReadAtLeastAsync(buffer, ChunkBytes, throwOnEndOfStream: false, cancellationToken)) > 0; offset += read)
            {
                await SendAsync(
                    new WriteContentRequest { Action = WriteAction.Write, Ref = _reference, Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, read)) },
                    cancellationToken);
                _moved(read);
            }
            var (digest, labels) = await finished();
            var commit = new WriteContentRequest { Action = WriteAction.Commit, Ref = _reference, Offset = offset, Total = offset, Expected = digest };
            foreach (var (key, value) in labels)
                commit.Labels.Add(key, value);
            try
            {
                await SendAsync(commit, cancellationToken);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
            {
                // the same bytes are there already
            }
            _committed = true;
            return offset;
        }
        catch (RpcException e) when (e.StatusCode != StatusCode.Cancelled)
        {
            throw _client.Translate(e, "Can't write a layer to the content store");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _call.Dispose();
        if (_committed)
            return;
        try
        {
            await _client.Content.AbortAsync(new AbortRequest { Ref = _reference }, _headers, DateTime.UtcNow.AddSeconds(10));
        }
        catch (RpcException)
        {
            // it never began, or containerd is gone; must not hide why the writing failed
        }
    }

    private async Task SendAsync(WriteContentRequest request, CancellationToken cancellationToken)
    {
        await _call.RequestStream.WriteAsync(request, cancellationToken);
        if (!await _call.ResponseStream.MoveNext(cancellationToken))
            throw new RpcException(new Status(StatusCode.Unavailable, "the content store ended the write"));
    }
}
