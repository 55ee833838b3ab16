using System.Net.Sockets;

namespace Strata.Daemon.Tests;

/// <summary>An HTTP client of a unix socket.</summary>
internal static class SocketClient
{
    internal static HttpClient Of(string socket) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            var connected = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await connected.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken);
                return new NetworkStream(connected, ownsSocket: true);
            }
            catch
            {
                connected.Dispose();
                throw;
            }
        },
    })
    { BaseAddress = new Uri("http://plugin.moby.localhost"), Timeout = TimeSpan.FromMinutes(2) };
}
