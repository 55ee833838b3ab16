using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Api;

/// <summary>The control API: JSON for <c>strata</c> and for others, described by docs/api/openapi.json, and what an operator asks.</summary>
internal sealed class ApiDoor(string socketPath) : Door("api", socketPath, HttpProtocols.Http1)
{
    internal override void AddServices(IServiceCollection services) => services.AddSingleton<ApiCalls>();

    internal override void Map(IEndpointRouteBuilder endpoints)
    {
        var services = endpoints.ServiceProvider;
        var calls = services.GetRequiredService<ApiCalls>();
        var options = services.GetRequiredService<ServeOptions>();
        var log = services.GetRequiredService<ILogger<ApiCalls>>();
        Map("GET", "/healthz", calls.Health);
        Map("GET", "/metrics", calls.Metrics);
        Map("GET", "/openapi.json", ApiCalls.Description);
        Map("GET", "/v1/status", calls.Status);
        Map("GET", "/v1/images", calls.Images);
        Map("GET", "/v1/images/{manifest}", calls.Image);
        Map("DELETE", "/v1/images/{manifest}", calls.RemoveImage);
        Map("GET", "/v1/layers", calls.Layers);
        Map("GET", "/v1/layers/{chain}", calls.Layer);
        Map("DELETE", "/v1/layers/{chain}", calls.RemoveLayer);
        Map("GET", "/v1/layers/{chain}/tar", calls.LayerTar);
        Map("GET", "/v1/writable", calls.WritableLayers);
        Map("POST", "/v1/writable", calls.CreateWritable);
        Map("GET", "/v1/writable/{name}", calls.Writable);
        Map("DELETE", "/v1/writable/{name}", calls.RemoveWritable);
        Map("POST", "/v1/writable/{name}/mount", calls.Mount);
        Map("POST", "/v1/writable/{name}/umount", calls.Unmount);
        Map("GET", "/v1/writable/{name}/changes", calls.Changes);
        Map("GET", "/v1/writable/{name}/usage", calls.Usage);
        Map("GET", "/v1/writable/{name}/diff", calls.Diff);
        Map("POST", "/v1/writable/{name}/commit", calls.Commit);
        Map("GET", "/v1/snapshots", calls.Snapshots);
        Map("GET", "/v1/docker-layers", calls.DockerLayers);
        Map("POST", "/v1/gc", calls.Collect);
        Map("POST", "/v1/check", calls.Check);

        void Map(string method, string path, RequestDelegate call) => endpoints.MapMethods(path, [method], ApiErrors.Answering(call, options, log));
    }
}
