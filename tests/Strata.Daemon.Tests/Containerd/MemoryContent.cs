using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Daemon.Tests.Containerd;

/// <summary>A content store as containerd's, in memory, that can also fail as one would.</summary>
internal sealed class MemoryContent : Content.ContentBase, IAsyncDisposable
{
    private const int ChunkBytes = 64 * 1024;
    private WebApplication? _application;
    private TaskCompletionSource? _held;

    internal Dictionary<string, byte[]> Blobs { get; } = [];

    internal Dictionary<string, string> Labels { get; } = [];

    internal List<string> Headers { get; } = [];

    /// <summary>A read ends with an error after so many bytes; -1: it does not.</summary>
    internal int FailAfterBytes { get; set; } = -1;

    /// <summary>Where the blobs lie as files, if it says so.</summary>
    internal string? Root { get; set; }

    /// <summary>How many blobs were asked for.</summary>
    internal int Reads { get; private set; }

    /// <summary>Released by the test; a read waits for it after its first chunk.</summary>
    internal TaskCompletionSource? HoldAfterFirstChunk { get; set; }

    /// <summary>Set when a read has sent its first chunk and waits.</summary>
    internal TaskCompletionSource Holding { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets the read that waits go on.</summary>
    internal void Release() => _held!.SetResult();

    internal async Task ServeAsync(string socket)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore().AddGrpc();
        builder.Services.AddSingleton(this);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.ListenUnixSocket(socket, l => l.Protocols = HttpProtocols.Http2));
        _application = builder.Build();
        _application.MapGrpcService<MemoryContent>();
        _application.MapGrpcService<Exports>();
        await _application.StartAsync();
    }

    internal BlobDescriptor Add(byte[] bytes, string mediaType = "application/vnd.oci.image.layer.v1.tar")
    {
        string digest = "sha256:" + Testing.TestImage.HexOf(bytes);
        Blobs[digest] = bytes;
        return new BlobDescriptor { MediaType = mediaType, Digest = digest, Size = bytes.Length };
    }

    public override Task<InfoResponse> Info(InfoRequest request, ServerCallContext context) =>
        Blobs.TryGetValue(request.Digest, out byte[]? bytes)
            ? Task.FromResult(new InfoResponse { Info = new ContentInfo { Digest = request.Digest, Size = bytes.Length } })
            : throw new RpcException(new Status(StatusCode.NotFound, $"content {request.Digest}: not found"));

    public override async Task Read(ReadContentRequest request, IServerStreamWriter<ReadContentResponse> responseStream, ServerCallContext context)
    {
        Reads++;
        lock (Headers)
            Headers.AddRange(context.RequestHeaders.Where(h => h.Key.StartsWith("containerd-", StringComparison.Ordinal)).Select(h => $"{h.Key}={h.Value}"));
        if (!Blobs.TryGetValue(request.Digest, out byte[]? bytes))
            throw new RpcException(new Status(StatusCode.NotFound, $"content {request.Digest}: not found"));
        for (int offset = 0; offset < bytes.Length; offset += ChunkBytes)
        {
            if (FailAfterBytes >= 0 && offset >= FailAfterBytes)
                throw new RpcException(new Status(StatusCode.Unavailable, "the disk fell out"));
            await responseStream.WriteAsync(new ReadContentResponse { Offset = offset, Data = ByteString.CopyFrom(bytes, offset, Math.Min(ChunkBytes, bytes.Length - offset)) }, context.CancellationToken);
            if (HoldAfterFirstChunk is { } hold)
            {
                _held = hold;
                Holding.TrySetResult();
                await hold.Task.WaitAsync(context.CancellationToken);
            }
        }
    }

    public override async Task Write(IAsyncStreamReader<WriteContentRequest> requestStream, IServerStreamWriter<WriteContentResponse> responseStream, ServerCallContext context)
    {
        using var bytes = new MemoryStream();
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            Assert.NotEqual("", request.Ref);
            if (request.Action == WriteAction.Write)
            {
                Assert.Equal(bytes.Length, request.Offset);
                bytes.Write(request.Data.Span);
            }
            string digest = "sha256:" + Testing.TestImage.HexOf(bytes.ToArray());
            if (request.Action == WriteAction.Commit)
            {
                Assert.Equal((digest, bytes.Length), (request.Expected, request.Total));
                Blobs[digest] = bytes.ToArray();
                foreach (var (key, value) in request.Labels)
                    Labels[key] = value;
            }
            await responseStream.WriteAsync(new WriteContentResponse { Action = request.Action, Offset = bytes.Length, Digest = digest });
        }
    }

    public override Task<Google.Protobuf.WellKnownTypes.Empty> Abort(AbortRequest request, ServerCallContext context) => Task.FromResult(new Google.Protobuf.WellKnownTypes.Empty());

    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
            await _application.DisposeAsync();
    }

    private sealed class Exports(MemoryContent content) : Introspection.IntrospectionBase
    {
        public override Task<PluginsResponse> Plugins(PluginsRequest request, ServerCallContext context)
        {
            Assert.Equal(["type==io.containerd.content.v1,id==content"], request.Filters);
            var response = new PluginsResponse();
            if (content.Root is { } root)
                response.Plugins.Add(new Plugin { Type = "io.containerd.content.v1", Id = "content", Exports = { ["root"] = root } });
            return Task.FromResult(response);
        }
    }
}
