using System.Text;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>Files of a few bytes, read and written whole with as few system calls as there can be: .NET's own take nine for what needs three.</summary>
public static class SmallFile
{
    private const int Mode = 0x1A4; // 0644, less the umask

    /// <summary>All of it; null: there is none.</summary>
    /// <exception cref="LinuxException">It can't be read.</exception>
    public static byte[]? Read(string path)
    {
        var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path), OpenFlags.ReadOnly, 0, out var opened);
        if (errno is Errno.ENOENT or Errno.ENOTDIR)
            return null;
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", path);
        using var file = opened!;
        byte[] bytes = new byte[512];
        int length = 0;
        // A read that fills less than it may is the last one of a regular file, but only an empty one proves it.
        for (int read; (read = FileCalls.Read(file, bytes.AsSpan(length))) > 0;)
        {
            length += read;
            if (length == bytes.Length)
                Array.Resize(ref bytes, bytes.Length * 4);
        }
        return bytes[..length];
    }

    /// <summary>Makes a file that is not there yet. A crash can leave it empty or cut off.</summary>
    /// <exception cref="LinuxException">It is there, or can't be written.</exception>
    public static void Create(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = FileCalls.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, Mode);
        var errno = FileCalls.TryWriteAll(file.Number, bytes);
        if (errno != Errno.None)
            throw new LinuxException(errno, "write", path);
    }

    /// <summary>Sees to it that there is a file, which means something by being there. Many may do so at once: .NET's own calls would refuse all but one, by a lock.</summary>
    /// <exception cref="LinuxException">It can't be made.</exception>
    public static void Mark(string path)
    {
        if (!File.Exists(path))
            FileCalls.Open(path, OpenFlags.WriteOnly | OpenFlags.Create, Mode).Dispose();
    }
}
