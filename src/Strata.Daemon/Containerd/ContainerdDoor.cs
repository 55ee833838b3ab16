using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Containerd;

/// <summary>containerd's proxy plugins: snapshotter and differ, over gRPC.</summary>
internal sealed class ContainerdDoor(string socketPath, string containerdAddress) : Door("containerd", socketPath, HttpProtocols.Http2)
{
    private const int MaxMessageBytes = 16 << 20; // containerd's own default

    internal override void AddServices(IServiceCollection services)
    {
        services.AddGrpc(o =>
        {
            o.MaxReceiveMessageSize = MaxMessageBytes;
            o.MaxSendMessageSize = MaxMessageBytes;
            o.Interceptors.Add<ErrorInterceptor>();
        });
        services.AddSingleton<ErrorInterceptor>();
        services.AddSingleton(_ => new ContainerdClient(containerdAddress));
    }

    internal override void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<SnapshotService>();
        endpoints.MapGrpcService<DiffService>();
    }
}
