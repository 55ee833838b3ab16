using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Strata.Daemon.Api;
using Strata.Daemon.Containerd;
using Strata.Daemon.Docker;

namespace Strata.Daemon.Serving;

/// <summary>The doors of one store, served by one Kestrel.</summary>
internal sealed class DaemonHost : IAsyncDisposable
{
    private const int MaxCallsPerConnection = 4096; // containerd sends all of its calls over one connection

    private readonly WebApplication _application;
    private readonly IReadOnlyList<Door> _doors;
    private bool _started;

    private DaemonHost(WebApplication application, IReadOnlyList<Door> doors)
    {
        _application = application;
        _doors = doors;
    }

    /// <summary>Makes a host that does not serve yet. The store stays the caller's.</summary>
    /// <exception cref="StrataException">InvalidArgument: there is no door to open.</exception>
    internal static DaemonHost Make(ServeOptions options, Store.Store store)
    {
        var doors = new List<Door>();
        if (options.ContainerdSocket is { } containerd)
            doors.Add(new ContainerdDoor(containerd, options.ContainerdAddress, options.ContainerdFetch));
        if (options.DockerSocket is { } docker)
            doors.Add(new DockerDoor(docker));
        if (options.ApiSocket is { } api)
            doors.Add(new ApiDoor(api));
        if (doors.Count == 0)
            throw StrataException.InvalidArgument("No door to open: name a socket with --containerd-socket, --docker-socket or --api-socket.");

        // Empty: what is served depends on no file of the current directory and on no variable of the environment.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "stratad" });
        builder.Host.UseConsoleLifetime(o => o.SuppressStatusMessages = true);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = options.StopTimeout);
        builder.Services.AddLogging(l => l.AddSimpleConsole(c => c.SingleLine = true).SetMinimumLevel(LogLevel.Warning));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(options);
        foreach (var door in doors)
            door.AddServices(builder.Services);
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = Bind);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // layers
            kestrel.Limits.MinRequestBodyDataRate = null; // a layer may come as slowly as somebody unpacks it
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = MaxCallsPerConnection;
            foreach (var door in doors)
            {
                kestrel.ListenUnixSocket(door.SocketPath, listen =>
                {
                    listen.Protocols = door.Protocols;
                    listen.Use(next => connection =>
                    {
                        connection.Items[typeof(Door)] = door;
                        return next(connection);
                    });
                });
            }
        });

        var application = builder.Build();
        application.UseRouting();
        application.Use(RefuseOtherDoors);
        foreach (var door in doors)
        {
            var endpoints = application.MapGroup("");
            door.Map(endpoints);
            endpoints.WithMetadata(door);
        }
        return new DaemonHost(application, doors);
    }

    /// <summary>Opens all doors.</summary>
    /// <exception cref="StrataException">FailedPrecondition: a socket can't be made. None is open then.</exception>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        await _application.StartAsync(cancellationToken);
        _started = true;
    }

    /// <summary>Waits until the process is told to stop, then lets the calls that are under way finish.</summary>
    internal Task WaitAsync(CancellationToken cancellationToken) => _application.WaitForShutdownAsync(cancellationToken);

    /// <summary>Stops serving.</summary>
    internal Task StopAsync() => _application.StopAsync();

    /// <summary>A line for each door.</summary>
    internal IEnumerable<string> Describe() => _doors.Select(door => $"stratad: {door.Name} at {door.SocketPath}");

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        if (!_started)
            return; // what is at the paths may be another one's
        foreach (var door in _doors)
            File.Delete(door.SocketPath);
    }

    private static Socket Bind(EndPoint endPoint) => endPoint is UnixDomainSocketEndPoint
        ? DoorSockets.Bind(endPoint.ToString()!)
        : SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);

    private static Task RefuseOtherDoors(HttpContext context, RequestDelegate next)
    {
        var asked = context.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(Door), out object? door) == true ? door as Door : null;
        if (context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<Door>() != asked)
            context.SetEndpoint(null); // as if it were not there
        return next(context);
    }
}
