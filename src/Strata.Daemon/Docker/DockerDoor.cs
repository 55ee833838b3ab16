using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Docker;

/// <summary>Docker's graph driver plugin, as Docker 1.10 to 27 speaks to it.</summary>
internal sealed class DockerDoor(string socketPath) : Door("docker", socketPath, HttpProtocols.Http1)
{
    private const string MediaType = "application/vnd.docker.plugins.v1+json";
    private static readonly byte[] Implements = Encoding.ASCII.GetBytes("""{"Implements":["GraphDriver"]}""");

    internal override void AddServices(IServiceCollection services)
    {
    }

    internal override void Map(IEndpointRouteBuilder endpoints) => endpoints.MapPost("/Plugin.Activate", context =>
    {
        context.Response.ContentType = MediaType;
        return context.Response.Body.WriteAsync(Implements).AsTask();
    });
}
