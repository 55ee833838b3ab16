using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Daemon.Serving;
using Strata.Oci.Registries;

namespace Strata.Daemon.Containerd;

/// <summary>containerd's proxy plugins: snapshotter and differ, over gRPC.</summary>
internal sealed class ContainerdDoor(string socketPath, string containerdAddress, RegistryOptions? fetch, bool ahead) : Door("containerd", socketPath, HttpProtocols.Http2)
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
        if (ahead)
        {
            services.AddSingleton<AheadUnpacker>();
            services.AddHostedService(all => all.GetRequiredService<AheadUnpacker>());
        }
        if (fetch is not null)
        {
            services.AddSingleton(fetch);
            services.AddSingleton<RemoteFetcher>();
        }
    }

    internal override void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<SnapshotService>();
        endpoints.MapGrpcService<DiffService>();
    }
}
