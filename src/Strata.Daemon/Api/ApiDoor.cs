using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Api;
using Strata.Daemon.Serving;
using Strata.Drivers.Rootless;

namespace Strata.Daemon.Api;

/// <summary>The control API: JSON for <c>strata</c> and for others, described by docs/api/openapi.json, and what an operator asks.</summary>
internal sealed class ApiDoor(string socketPath, string? group, UnixFileMode? mode) : Door("api", socketPath, HttpProtocols.Http1)
{
    private const UnixFileMode WithGroup = DoorSockets.Private | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    internal override UnixFileMode SocketMode => mode ?? (group is null ? DoorSockets.Private : WithGroup);

    internal override uint? SocketGroup { get; } = group is null ? null : Groups.Find(group);

    internal override void AddServices(IServiceCollection services)
    {
        services.AddSingleton(made => new StoreOperations(made.GetRequiredService<Store.Store>(), "stratad " + ProgramVersion.Number, owned: false));
        services.AddSingleton<ApiCalls>();
    }

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
        Map("GET", "/v1/info", calls.Info);
        Map("GET", "/v1/images", calls.Images);
        Map("POST", "/v1/images", calls.Load);
        Map("GET", "/v1/images/{manifest}", calls.Image);
        Map("DELETE", "/v1/images/{manifest}", calls.RemoveImage);
        Map("GET", "/v1/indexes", calls.Indexes);
        Map("POST", "/v1/names", calls.AddName);
        Map("DELETE", "/v1/names", calls.RemoveName);
        Map("POST", "/v1/save", calls.Save);
        Map("GET", "/v1/history", calls.History);
        Map("GET", "/v1/document", calls.Document);
        Map("GET", "/v1/layers", calls.Layers);
        Map("POST", "/v1/layers", calls.Apply);
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
        Map("POST", "/v1/writable/{name}/image", calls.CommitImage);
        Map("GET", "/v1/snapshots", calls.Snapshots);
        Map("GET", "/v1/docker-layers", calls.DockerLayers);
        Map("POST", "/v1/remove", calls.Remove);
        Map("GET", "/v1/inspect", calls.Inspect);
        Map("GET", "/v1/usage", calls.Measure);
        Map("POST", "/v1/gc", calls.Collect);
        Map("POST", "/v1/check", calls.Check);

        void Map(string method, string path, RequestDelegate call) => endpoints.MapMethods(path, [method], ApiErrors.Answering(call, options, log));
    }
}
