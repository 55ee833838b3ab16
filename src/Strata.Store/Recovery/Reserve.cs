using Strata.Trees;

namespace Strata.Store;

/// <summary>
/// Room that is kept for removing: on a full disk even that must write metadata, a lease and SQLite's files, so the store that fills a disk
/// could otherwise not be made smaller. Given up when it is needed, made again when there is room.
/// </summary>
internal sealed class Reserve(StoreLayout layout)
{
    private const int Files = 4; // so many inodes
    private const int FileBytes = 128 * 1024;

    private string Directory => Path.Combine(layout.Root, "reserve");

    /// <summary>Makes it if it is not there and there is room for it.</summary>
    internal void Fill()
    {
        if (System.IO.Directory.Exists(Directory))
            return;
        try
        {
            System.IO.Directory.CreateDirectory(Directory, StoreLayout.Private);
            byte[] bytes = new byte[FileBytes];
            bytes.AsSpan().Fill(0x52); // not zeros, which some file systems don't store
            for (int i = 0; i < Files; i++)
                File.WriteAllBytes(Path.Combine(Directory, $"{i}"), bytes);
        }
        catch (Exception e) when (FileErrors.Is(e))
        {
            Give(); // no room now; the next opening tries again
        }
    }

    /// <summary>Does something; if the disk or its inodes are used up, gives the reserve up and does it again.</summary>
    internal T Using<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when ((e is StrataException { Kind: ErrorKind.Exhausted } || IsFull(e)) && Give())
        {
            return action();
        }
    }

    private static bool IsFull(Exception e) => FileErrors.Is(e) && FileErrors.Translate(e, "").Kind == ErrorKind.Exhausted;

    private bool Give()
    {
        if (!System.IO.Directory.Exists(Directory))
            return false;
        StoreLayout.Remove(Directory);
        return true;
    }
}
