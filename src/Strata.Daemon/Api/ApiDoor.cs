using Microsoft.AspNetCore.Server.Kestrel.Core;
using Strata.Daemon.Serving;

namespace Strata.Daemon.Api;

/// <summary>The control API: JSON for <c>strata</c> and for others.</summary>
internal sealed class ApiDoor(string socketPath) : Door("api", socketPath, HttpProtocols.Http1)
{
    internal override void AddServices(IServiceCollection services)
    {
    }

    internal override void Map(IEndpointRouteBuilder endpoints) => endpoints.MapGet("/healthz", context => context.Response.WriteAsync("ok\n"));
}
