using Strata.Trees;

namespace Strata.Store.Metadata;

/// <summary>Room on disk for the file by which processes share the index of SQLite's WAL (<c>-shm</c>).</summary>
/// <remarks>
/// SQLite takes it by a byte at the end of each page of 4 KiB, and then writes through a mapping. Where blocks are smaller, as mkfs.ext4 makes them on small disks,
/// holes are left, and who writes to one while the disk is full is killed (mmap(2), SIGBUS). So there the database is not opened without room for
/// the file, and the holes are filled as soon as it is open.
/// </remarks>
internal static class SharedIndexRoom
{
    private const int PageBytes = 4096;
    private const long IndexBytes = 128 * 1024; // of a WAL of 16,000 pages, twice as many as it gets
    private const long FreeBytes = 192 * 1024;

    /// <summary>Before the database is opened.</summary>
    /// <returns>True: there will be holes, which <see cref="FillHoles"/> fills when it is open.</returns>
    /// <exception cref="StrataException">Exhausted: there is no room.</exception>
    internal static bool Require(string database)
    {
        var (blockBytes, availableBytes) = FileRoom.Of(Path.GetDirectoryName(database)!);
        if (blockBytes >= PageBytes)
            return false;
        return availableBytes >= FreeBytes || FileRoom.TakenBy(IndexOf(database)) >= IndexBytes ? true : throw NoRoom(database);
    }

    /// <summary>When the database is open.</summary>
    /// <exception cref="StrataException">Exhausted: there is no room.</exception>
    internal static void FillHoles(string database)
    {
        if (!FileRoom.TryFillOpen(IndexOf(database), IndexBytes))
            throw NoRoom(database);
    }

    private static string IndexOf(string database) => database + "-shm";

    private static StrataException NoRoom(string database) => StrataException.Exhausted($"The store's metadata {database} can't be opened: the disk is full. Free some space.");
}
