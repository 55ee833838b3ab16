using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Docker;

/// <summary>Docker's graph driver plugin, as Docker 1.10 to 27 speaks to it.</summary>
internal sealed class DockerDoor(string socketPath) : Door("docker", socketPath, HttpProtocols.Http1)
{
    internal override void AddServices(IServiceCollection services) => services.AddSingleton<GraphDriverPlugin>();

    internal override void Map(IEndpointRouteBuilder endpoints)
    {
        var plugin = endpoints.ServiceProvider.GetRequiredService<GraphDriverPlugin>();
        endpoints.MapPost("/Plugin.Activate", GraphDriverPlugin.Activate);
        Map("Init", plugin.Init);
        Map("Capabilities", plugin.Capabilities);
        Map("Create", plugin.Create);
        Map("CreateReadWrite", plugin.CreateReadWrite);
        Map("Remove", plugin.Remove);
        Map("Get", plugin.Get);
        Map("Put", plugin.Put);
        Map("Exists", plugin.Exists);
        Map("Status", plugin.Status);
        Map("GetMetadata", plugin.GetMetadata);
        Map("Cleanup", plugin.Cleanup);
        Map("Diff", plugin.Diff);
        Map("Changes", plugin.Changes);
        Map("ApplyDiff", plugin.ApplyDiff);
        Map("DiffSize", plugin.DiffSize);

        void Map(string name, RequestDelegate call) => endpoints.MapPost("/GraphDriver." + name, call);
    }
}
