using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Strata.Daemon.Containerd.Wire;

namespace Strata.Daemon.Containerd;

/// <summary>containerd's own services, which the differ uses. Connects when it is first used, and again when containerd was restarted.</summary>
internal sealed class ContainerdClient : IDisposable
{
    internal const string NamespaceHeader = "containerd-namespace";
    internal const string LeaseHeader = "containerd-lease";
    private const int MaxMessageBytes = 16 << 20;
    private readonly GrpcChannel _channel;

    internal ContainerdClient(string address)
    {
        Address = address;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(address), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = MaxMessageBytes, MaxSendMessageSize = MaxMessageBytes,
        });
        Content = new Content.ContentClient(_channel);
        Introspection = new Introspection.IntrospectionClient(_channel);
    }

    /// <summary>Its socket.</summary>
    internal string Address { get; }

    /// <summary>Its content store.</summary>
    internal Content.ContentClient Content { get; }

    /// <summary>What it tells of its plugins.</summary>
    internal Introspection.IntrospectionClient Introspection { get; }

    /// <summary>What a call that is made for another one must say: the namespace, and the lease that keeps what is written from being collected.</summary>
    internal static Metadata HeadersOf(ServerCallContext context)
    {
        var headers = new Metadata();
        foreach (var entry in context.RequestHeaders)
        {
            if (entry.Key is NamespaceHeader or LeaseHeader)
                headers.Add(entry);
        }
        return headers;
    }

    /// <summary>An error of containerd as ours.</summary>
    internal StrataException Translate(RpcException e, string what)
    {
        var kind = e.StatusCode switch
        {
            StatusCode.NotFound => ErrorKind.NotFound,
            StatusCode.AlreadyExists => ErrorKind.AlreadyExists,
            StatusCode.InvalidArgument => ErrorKind.InvalidArgument,
            StatusCode.FailedPrecondition => ErrorKind.FailedPrecondition,
            StatusCode.ResourceExhausted => ErrorKind.Exhausted,
            StatusCode.Unavailable => ErrorKind.Unavailable,
            _ => ErrorKind.Unknown,
        };
        return new StrataException(kind, $"{what} at {Address}: containerd says: {e.Status.Detail}", e);
    }

    public void Dispose() => _channel.Dispose();
}
