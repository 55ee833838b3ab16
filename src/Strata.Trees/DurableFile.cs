using Strata.Linux;

namespace Strata.Trees;

/// <summary>Files that are whole or absent after a power cut.</summary>
public static class DurableFile
{
    /// <summary>Makes durable all that was written to the file system that holds a directory (syncfs(2)).</summary>
    public static void SyncFileSystem(string directory)
    {
        using var opened = FileCalls.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
        FileCalls.SyncFileSystem(opened, directory);
    }

    /// <summary>Makes durable what was written to a file, by whomever (fdatasync(2)).</summary>
    public static void SyncData(string path)
    {
        using var opened = FileCalls.Open(path, OpenFlags.ReadOnly);
        FileCalls.SyncData(opened, path);
    }

    /// <summary>Writes a file under a temporary name, syncs it, renames it to its place and syncs that directory.</summary>
    /// <param name="path">Where it goes; what stands there is replaced.</param>
    /// <param name="temporary">A free name on the same file system; gone afterwards.</param>
    /// <param name="bytes">What is in it.</param>
    public static void Write(string path, string temporary, ReadOnlySpan<byte> bytes)
    {
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        FileCalls.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
