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

    /// <summary>
    /// Makes durable what was written to a file, by whomever, and on file systems with one journal for all (ext4, xfs) every name that was made before,
    /// anywhere: fsync(2) after the file's times were set, so that it has a part in what the journal holds now.
    /// </summary>
    /// <remarks>fdatasync(2) leaves the journal alone where a file is only written over; what the file tells of would be durable before that is.</remarks>
    public static void SyncAfterNames(string path)
    {
        MarkForNames(path);
        using var opened = FileCalls.Open(path, OpenFlags.ReadOnly);
        FileCalls.Sync(opened, path);
    }

    /// <summary>Lets the next fsync(2) of a file, by whomever, be as <see cref="SyncAfterNames"/>. A file that is not there yet, or another's, needs none or can't have it.</summary>
    public static void MarkForNames(string path) => _ = AttributeCalls.TryTouch(path);

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
