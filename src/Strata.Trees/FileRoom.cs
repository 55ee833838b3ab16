using System.Globalization;
using Strata.Linux;

namespace Strata.Trees;

/// <summary>The disk space that a file has, and will need.</summary>
public static class FileRoom
{
    /// <summary>The size of a block of the file system that holds a directory, and what may still be written to it, in bytes.</summary>
    public static (long BlockBytes, long AvailableBytes) Of(string directory)
    {
        using var opened = FileCalls.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
        return FileCalls.Room(opened);
    }

    /// <summary>What a file takes on disk, in bytes; 0: there is none.</summary>
    public static long TakenBy(string path) => AttributeCalls.FindStatus(path) is { } status ? status.Blocks * 512 : 0;

    /// <summary>
    /// Takes disk space for the first bytes of a file that this process has open, its holes and past its end. By the descriptor that it is open by: closing another
    /// one would give up all locks that the process has on the file (fcntl(2)).
    /// </summary>
    /// <returns>False: the disk is full. True also where the file is not open, or its file system knows no such thing.</returns>
    public static bool TryFillOpen(string path, long bytes)
    {
        if (AttributeCalls.FindStatus(path) is not { } wanted)
            return true;
        foreach (string link in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(link), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && AttributeCalls.TryStat(number, [], out var open) == Errno.None && (open.Device, open.Inode) == (wanted.Device, wanted.Inode))
                return FileCalls.TryAllocateHoles(number, bytes) is not (Errno.ENOSPC or Errno.EDQUOT);
        }
        return true;
    }
}
