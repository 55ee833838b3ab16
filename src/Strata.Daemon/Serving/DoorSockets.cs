using System.Net.Sockets;
using Strata.Drivers.Rootless;

namespace Strata.Daemon.Serving;

/// <summary>Makes the doors' unix sockets: mode 0600 unless somebody is to be let in, at their paths only once they are ready, never in the place of one that serves.</summary>
internal static class DoorSockets
{
    internal const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Binds a socket.</summary>
    /// <param name="path">Where.</param>
    /// <param name="mode">Who may open it.</param>
    /// <param name="group">The number of the group that it belongs to; null: this process's own.</param>
    /// <exception cref="StrataException">FailedPrecondition: somebody serves there, or something that is no socket lies there.</exception>
    internal static Socket Bind(string path, UnixFileMode mode = Private, uint? group = null)
    {
        RequireFree(path);
        // Bound in a directory that nobody else can enter, and moved from there: at its path it is never open to others, and never closed to callers.
        string directory = Path.Combine(Path.GetDirectoryName(path)!, $".{LayerId.New().ToString()[..8]}");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            Directory.CreateDirectory(directory, Private | UnixFileMode.UserExecute);
            string bound = Path.Combine(directory, "s");
            socket.Bind(new UnixDomainSocketEndPoint(bound));
            File.SetUnixFileMode(bound, Private);
            if (group is { } id)
                Groups.Give(bound, id);
            File.SetUnixFileMode(bound, mode); // last: to nobody's group before it is the right one
            socket.Listen(512);
            File.Move(bound, path, overwrite: true);
            return socket;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException or ArgumentException)
        {
            socket.Dispose();
            throw StrataException.FailedPrecondition($"Can't make the socket {path}: {e.Message}", e);
        }
        finally
        {
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
        }
    }

    private static void RequireFree(string path)
    {
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            if ((File.GetAttributes(path) & FileAttributes.Device) == 0 && new FileInfo(path).Length > 0)
                throw StrataException.FailedPrecondition($"Can't make the socket {path}: a file is there.");
            return; // left by a daemon that ended
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw StrataException.FailedPrecondition($"Can't make the socket {path}: {e.Message}", e);
        }
        throw StrataException.FailedPrecondition($"Somebody serves at {path} already. Stop that first, or choose another path.");
    }
}
