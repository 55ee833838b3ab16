using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Strata.Daemon.Serving;

/// <summary>A protocol that is served at a socket of its own. What one door serves can't be reached through another.</summary>
internal abstract class Door(string name, string socketPath, HttpProtocols protocols)
{
    /// <summary>What it is called in logs and in what the daemon prints.</summary>
    internal string Name => name;

    /// <summary>Its unix socket.</summary>
    internal string SocketPath { get; } = Path.GetFullPath(socketPath);

    internal HttpProtocols Protocols => protocols;

    /// <summary>Who may open it: its owner alone.</summary>
    internal virtual UnixFileMode SocketMode => DoorSockets.Private;

    /// <summary>The number of the group that it belongs to; null: this process's own.</summary>
    internal virtual uint? SocketGroup => null;

    /// <summary>Adds what its endpoints are made with.</summary>
    internal abstract void AddServices(IServiceCollection services);

    /// <summary>Maps its endpoints.</summary>
    internal abstract void Map(IEndpointRouteBuilder endpoints);
}
