using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Strata.Daemon.Api;
using Strata.Daemon.Containerd;
using Strata.Daemon.Docker;
using Strata.Daemon.Operations;

namespace Strata.Daemon.Serving;

/// <summary>The doors of one store, served by one Kestrel.</summary>
internal sealed class DaemonHost : IAsyncDisposable
{
    private const int MaxCallsPerConnection = 4096; // containerd sends all of its calls over one connection

    private readonly WebApplication _application;
    private readonly IReadOnlyList<Door> _doors;
    private readonly ServeOptions _options;
    private bool _started;

    private DaemonHost(WebApplication application, IReadOnlyList<Door> doors, ServeOptions options)
    {
        _application = application;
        _doors = doors;
        _options = options;
    }

    /// <summary>Makes a host that does not serve yet. The store stays the caller's.</summary>
    /// <param name="options">What it serves, and where.</param>
    /// <param name="store">The store.</param>
    /// <param name="besides">Adds services to those of the doors; null: there are no others.</param>
    /// <exception cref="StrataException">InvalidArgument: there is no door to open.</exception>
    internal static DaemonHost Make(ServeOptions options, Store.Store store, Action<IServiceCollection>? besides = null)
    {
        var doors = new List<Door>();
        if (options.ContainerdSocket is { } containerd)
            doors.Add(new ContainerdDoor(containerd, options.ContainerdAddress, options.ContainerdFetch, options.ContainerdAhead));
        if (options.DockerSocket is { } docker)
            doors.Add(new DockerDoor(docker));
        if (options.ApiSocket is { } api)
            doors.Add(new ApiDoor(api, options.ApiSocketGroup, options.ApiSocketMode));
        options.RequireDoor();

        // Empty: what is served depends on no file of the current directory and on no variable of the environment.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "stratad" });
        builder.Host.UseConsoleLifetime(o => o.SuppressStatusMessages = true);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = options.StopTimeout);
        builder.Services.AddLogging(logging => LogSetup.Add(logging, options.LogFormat, options.LogLevel));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<CallMetrics>();
        builder.Services.AddSingleton<MetricsPage>();
        if (CallTraces.Export(options.TraceEndpoint) is { } traces)
            builder.Services.AddSingleton(_ => traces); // made by the container, disposed by it
        foreach (var door in doors)
            door.AddServices(builder.Services);
        besides?.Invoke(builder.Services);
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = endPoint => Bind(endPoint, doors, options));
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
        var metrics = application.Services.GetRequiredService<CallMetrics>();
        application.Services.GetService<OpenTelemetry.Trace.TracerProvider>();
        WarnOfOpenRoot(store, application.Services.GetRequiredService<ILogger<DaemonHost>>());
        application.Use(next => CallMetrics.Middleware(next, metrics));
        application.Use(CallTraces.Middleware);
        application.Use(next => CallDeadline.Middleware(next, options));
        application.Lifetime.ApplicationStopping.Register(() => ServiceManager.Notify("STOPPING=1"));
        foreach (var door in doors)
        {
            var endpoints = application.MapGroup("");
            door.Map(endpoints);
            endpoints.WithMetadata(door);
        }
        return new DaemonHost(application, doors, options);
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

    /// <summary>What the doors are made with.</summary>
    internal IServiceProvider Services => _application.Services;

    /// <summary>Stops serving.</summary>
    internal Task StopAsync() => _application.StopAsync();

    /// <summary>A line for each door.</summary>
    internal IEnumerable<string> Describe() => _doors.Select(door => $"stratad: {door.Name} at {door.SocketPath}");

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        if (!_started)
            return; // what is at the paths may be another one's
        foreach (var door in _doors.Where(door => !_options.Sockets.ContainsKey(door.Name)))
            File.Delete(door.SocketPath);
    }

    /// <summary>Programs of root's in layers, with their setuid bits, are for nobody else to run.</summary>
    private static void WarnOfOpenRoot(Store.Store store, ILogger log)
    {
        const UnixFileMode others = (UnixFileMode)0x3F; // 077
        if ((File.GetUnixFileMode(store.Root) & others) is not UnixFileMode.None and var open)
            log.LogWarning("The store {Root} is open to others ({Mode}): who can enter it can run what layers hold, setuid programs too. Close it: chmod 0700 {Path}", store.Root, open, store.Root);
    }

    private static Socket Bind(EndPoint endPoint, List<Door> doors, ServeOptions options)
    {
        if (endPoint is not UnixDomainSocketEndPoint)
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        string path = endPoint.ToString()!;
        var door = doors.Find(door => door.SocketPath == path)!;
        return options.Sockets.TryGetValue(door.Name, out var given) ? given : DoorSockets.Bind(path, door.SocketMode, door.SocketGroup);
    }

    private static Task RefuseOtherDoors(HttpContext context, RequestDelegate next)
    {
        var asked = context.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(Door), out object? door) == true ? door as Door : null;
        if (context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<Door>() != asked)
            context.SetEndpoint(null); // as if it were not there
        return next(context);
    }
}
