using System.Net.Sockets;

namespace Strata.Daemon.Serving;

/// <summary>Makes the doors' unix sockets: mode 0600, at their paths only once they are ready, never in the place of one that serves.</summary>
internal static class DoorSockets
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Binds a socket.</summary>
    /// <exception cref="StrataException">FailedPrecondition: somebody serves there, or something that is no socket lies there.</exception>
    internal static Socket Bind(string path)
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
