using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Strata.Linux;

namespace Strata.Drivers;

/// <summary>Counts the users of each layer's mount, across threads and processes, and performs the mount for the first and the unmount for the last.</summary>
/// <remarks>
/// The count lies in a file for each layer, guarded by a lock on it. What is really mounted decides: nothing there means that the count is 0,
/// whatever the file says (the machine was restarted); something there without a count means 1 (somebody mounted it before us). So a process
/// that restarts finds its mounts again, and none is made twice.
/// </remarks>
public sealed class MountCounter
{
    private readonly string _directory;

    /// <summary>Counts in a directory, made when it is needed.</summary>
    public MountCounter(string directory) => _directory = directory;

    /// <summary>One more user; the first one mounts.</summary>
    /// <param name="id">The layer.</param>
    /// <param name="point">Where it is mounted.</param>
    /// <param name="mount">Mounts it; called under the layer's lock.</param>
    public void Acquire(LayerId id, string point, Action mount)
    {
        using var counted = Open(id);
        int count = Current(counted, point);
        if (count == 0)
            mount();
        Write(counted, count + 1);
    }

    /// <summary>One user less; the last one unmounts. Without a user it does nothing.</summary>
    public void Release(LayerId id, string point, Action unmount)
    {
        if (!File.Exists(PathOf(id)) && !IsMounted(point))
            return;
        using var counted = Open(id);
        int count = Current(counted, point);
        if (count == 0)
            return;
        if (count == 1)
            unmount();
        Write(counted, count - 1);
    }

    /// <summary>Runs something while nobody can mount the layer, if nobody has it mounted; false: somebody has.</summary>
    public bool IfUnused(LayerId id, string point, Action action)
    {
        SafeFileHandle? counted;
        try
        {
            counted = Open(id);
        }
        catch (Exception e) when (e is StrataException { Kind: ErrorKind.Exhausted } or IOException && !File.Exists(PathOf(id)) && !IsMounted(point))
        {
            // No inode is left for the count: then nobody can begin to be counted either, and removing is what makes room.
            counted = null;
        }
        using (counted)
        {
            if (counted is not null && Current(counted, point) > 0)
                return false;
            action();
            if (counted is not null)
                File.Delete(PathOf(id));
        }
        return true;
    }

    /// <summary>How many users a layer's mount has.</summary>
    public int CountOf(LayerId id, string point)
    {
        if (!File.Exists(PathOf(id)))
            return IsMounted(point) ? 1 : 0;
        using var counted = Open(id);
        return Current(counted, point);
    }

    /// <summary>Forgets the users of a mount that was taken down by force.</summary>
    public void Reset(LayerId id)
    {
        if (!File.Exists(PathOf(id)))
            return;
        using var counted = Open(id);
        Write(counted, 0);
    }

    private string PathOf(LayerId id) => Path.Combine(_directory, id.ToString());

    /// <summary>Opens and locks a count. A file that was deleted while we waited for its lock is not the one that others see: again.</summary>
    private SafeFileHandle Open(LayerId id)
    {
        string path = PathOf(id);
        while (true)
        {
            // Opened by the system call: .NET's own would take a lock by itself, and fail where another process has ours.
            var errno = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, Encoding.UTF8.GetBytes(path), OpenFlags.ReadWrite | OpenFlags.Create, 0x180, out var opened);
            if (errno == Errno.ENOENT)
            {
                Directory.CreateDirectory(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                continue;
            }
            if (errno != Errno.None)
                throw new LinuxException(errno, "open", path);
            var file = FileStreams.ToHandle(opened!);
            FileLock.Lock(file, path);
            if (FileLock.IsStillNamed(file, path))
                return file;
            file.Dispose();
        }
    }

    private static int Current(SafeFileHandle file, string point)
    {
        bool mounted = IsMounted(point);
        Span<byte> text = stackalloc byte[16];
        int length = RandomAccess.Read(file, text, 0);
        bool told = int.TryParse(Encoding.ASCII.GetString(text[..length]), NumberStyles.None, CultureInfo.InvariantCulture, out int count);
        return !mounted ? 0 : told && count > 0 ? count : 1;
    }

    private static void Write(SafeFileHandle file, int count)
    {
        // A crash between the two leaves an empty file, which counts as 1 while something is mounted.
        RandomAccess.SetLength(file, 0);
        RandomAccess.Write(file, Encoding.ASCII.GetBytes(count.ToString(CultureInfo.InvariantCulture)), 0);
    }

    private static bool IsMounted(string point) => MountPoints.Is(point);
}
