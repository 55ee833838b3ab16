using System.Globalization;
using System.Net.Sockets;

namespace Strata.Daemon.Operations;

/// <summary>systemd's two protocols: sockets that it holds (sd_listen_fds(3)), and what it wants to be told (sd_notify(3)).</summary>
internal static class ServiceManager
{
    private const int FirstDescriptor = 3;

    /// <summary>The sockets that were handed over, by the names that the socket unit gives them (FileDescriptorName=); empty: none were.</summary>
    /// <remarks>Taken once: what this process starts must not take them for its own.</remarks>
    internal static IReadOnlyDictionary<string, Socket> TakeSockets()
    {
        string? pid = Take("LISTEN_PID"), count = Take("LISTEN_FDS"), names = Take("LISTEN_FDNAMES");
        var sockets = new Dictionary<string, Socket>(StringComparer.Ordinal);
        if (!int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out int who) || who != Environment.ProcessId
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int n))
        {
            return sockets;
        }
        string[] named = (names ?? "").Split(':');
        for (int i = 0; i < n; i++)
        {
            var socket = new Socket(new SafeSocketHandle(FirstDescriptor + i, ownsHandle: true));
            if (i >= named.Length || !sockets.TryAdd(named[i], socket))
                throw StrataException.InvalidArgument("The sockets that the service manager hands over have no names, or one twice: give each socket unit FileDescriptorName=containerd, docker or api.");
        }
        return sockets;
    }

    /// <summary>Tells the service manager something; does nothing where there is none.</summary>
    /// <param name="state">For instance <c>READY=1</c>.</param>
    internal static void Notify(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } address)
            return;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.SendTo(System.Text.Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(address[0] == '@' ? "\0" + address[1..] : address));
        }
        catch (SocketException e)
        {
            Console.Error.WriteLine($"stratad: can't tell the service manager {state}: {e.Message}");
        }
    }

    private static string? Take(string variable)
    {
        string? value = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, null);
        return value;
    }
}
