using System.Text;
using Microsoft.Win32.SafeHandles;
using Strata.Linux;

namespace Strata.Drivers;

/// <summary>A small text file that threads and processes read and change one at a time: locked while it is open, the lock gone with its holder.</summary>
internal sealed class LockedFile : IDisposable
{
    private const int Mode = 0x180;
    private readonly SafeFileHandle _file;
    private readonly string _path;

    private LockedFile(SafeFileHandle file, string path) => (_file, _path) = (file, path);

    /// <summary>Waits for the lock. File and directory are made if they are not there.</summary>
    public static LockedFile Open(string directory, string name)
    {
        string path = Path.Combine(directory, name);
        while (true)
        {
            var errno = TryOpenFile(path, OpenFlags.Create, out var file);
            if (errno is Errno.ENOENT or Errno.ENOTDIR)
            {
                ProtoDriver.MakeDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute); // or tells what is there instead
                continue;
            }
            if (errno != Errno.None)
                throw new LinuxException(errno, "open", path);
            FileLock.Lock(file!, path);
            // A file that was deleted while we waited for its lock is not the one that others see: again.
            if (FileLock.IsStillNamed(file!, path))
                return new LockedFile(file!, path);
            file!.Dispose();
        }
    }

    /// <summary>Waits for the lock; null: the file is not there, and no space or inode is left to make it.</summary>
    public static LockedFile? OpenIfRoom(string directory, string name)
    {
        try
        {
            return Open(directory, name);
        }
        catch (Exception e) when (e is StrataException { Kind: ErrorKind.Exhausted } or IOException && !File.Exists(Path.Combine(directory, name)))
        {
            return null;
        }
    }

    /// <summary>Opens a file that is there, and nobody has locked.</summary>
    /// <param name="path">The file.</param>
    /// <param name="locked">True: somebody has.</param>
    /// <returns>Null: somebody has locked it, or there is none.</returns>
    public static LockedFile? TryOpen(string path, out bool locked)
    {
        locked = false;
        var errno = TryOpenFile(path, 0, out var file);
        if (errno == Errno.ENOENT)
            return null;
        if (errno != Errno.None)
            throw new LinuxException(errno, "open", path);
        if (FileLock.TryLock(file!, path) && FileLock.IsStillNamed(file!, path))
            return new LockedFile(file!, path);
        file!.Dispose();
        locked = true; // or deleted just now, by somebody who has it no more; another look would tell
        return null;
    }

    /// <summary>Its size; made longer, it reads as zeros there and takes no room.</summary>
    public long SizeBytes
    {
        get => RandomAccess.GetLength(_file);
        set => RandomAccess.SetLength(_file, value);
    }

    /// <summary>All of it.</summary>
    public string ReadText()
    {
        byte[] bytes = new byte[RandomAccess.GetLength(_file)];
        int length = RandomAccess.Read(_file, bytes, 0);
        return Encoding.ASCII.GetString(bytes, 0, length);
    }

    /// <summary>Replaces all of it. A crash can leave it empty or cut off.</summary>
    public void WriteText(string text)
    {
        RandomAccess.SetLength(_file, 0);
        RandomAccess.Write(_file, Encoding.ASCII.GetBytes(text), 0);
    }

    /// <summary>Adds to its end.</summary>
    public void AppendText(string text) => RandomAccess.Write(_file, Encoding.ASCII.GetBytes(text), RandomAccess.GetLength(_file));

    /// <summary>Removes it; who waits for its lock makes a new one.</summary>
    public void Delete() => File.Delete(_path);

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _file.Dispose();

    private static Errno TryOpenFile(string path, int flags, out SafeFileHandle? file)
    {
        // Opened by the system call: .NET's own would take a lock by itself, and fail where another process has ours.
        var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path), OpenFlags.ReadWrite | flags, Mode, out var opened);
        file = errno == Errno.None ? FileStreams.ToHandle(opened!) : null;
        return errno;
    }
}
