using Microsoft.Data.Sqlite;
using SQLitePCL;
using Strata.Trees;

namespace Strata.Store.Metadata;

/// <content>The WAL: when it is durable, and that it stays short.</content>
/// <remarks>
/// SQLite begins the WAL anew with the first write that finds all of it copied into the database and nobody reading from it. While many write at once
/// neither is ever so of itself: something came while it was copied, and somebody reads. So there are three steps: from
/// <see cref="FramesUntilCheckpoint"/> on it is copied beside those who write; from <see cref="LongWalFrames"/> on they wait until the rest is copied and
/// those who read from it have ended, which is milliseconds; and at <see cref="LongestWalFrames"/>, where that came too late, whoever writes does it himself.
/// Only somebody who reads for long, a stopped process for instance, can make it longer. Nothing of it stays on disk when nobody writes. The first write that
/// begins it anew cuts it (journal_size_limit=0): what is then written makes the file longer, which the journal of the file system puts after all names that
/// were made before. Written over in place, a row could be on disk before the names of its files.
/// </remarks>
internal sealed partial class Database
{
    private const int FramesUntilCheckpoint = 1000; // of a page each
    private const int LongWalFrames = 4096; // 16 MiB
    private const int LongestWalFrames = 8192; // 32 MiB
    private const int FirstRetryFrames = 1024;
    private const int LastRetryFrames = 32_768;
    private const long SmallWalBytes = 1 << 20;
    private const int LongestWaitMilliseconds = 250; // for who reads
    private const int PagesWritten = 9; // SQLITE_DBSTATUS_CACHE_WRITE

    private readonly Lock _copying = new(); // taken within the lock of who writes, or alone
    private volatile bool _syncFailed;
    private long _frames; // in the WAL, or more than are: others may have begun it anew
    private long _copiedFrames; // of them, when it was last copied
    private long _longFrames = LongWalFrames; // this, and what follows, more while somebody reads for long: those who write shall not wait for him each time
    private long _longestFrames = LongestWalFrames;
    private int _retryFrames = FirstRetryFrames;

    private string Wal => _connection.DataSource + "-wal";

    /// <summary>
    /// Makes durable what was written before with <see cref="Durability.Soon"/>. Nobody who writes meanwhile waits for it: it is the file of the WAL that is
    /// synced, which SQLite locks nothing in (closing the database's file itself would give up the locks that this process has on it).
    /// </summary>
    /// <remarks>What a checkpoint of another process took out of the WAL it had synced in the database's file first.</remarks>
    /// <exception cref="StrataException">The disk fails: nothing is known of what was written.</exception>
    internal void Flush()
    {
        if (_syncFailed)
        {
            lock (_lock)
                Guard(WriteAgain);
            return;
        }
        try
        {
            SyncFile(Wal);
        }
        catch
        {
            _syncFailed = true;
            throw;
        }
    }

    /// <summary>Syncs a file, and the names of what its rows tell of; another one only in tests.</summary>
    internal Action<string> SyncFile { get; set; } = DurableFile.SyncAfterNames;

    /// <summary>
    /// After a sync of the WAL that failed: the kernel takes the pages that it could not write for written, so that a second sync succeeds and says nothing, and
    /// what is written after them is worth nothing, either. So all of it is copied into the database, synced there, and the WAL begun anew.
    /// </summary>
    private bool WriteAgain()
    {
        if (!_syncFailed)
            return true;
        if (!BeginWalAnew("TRUNCATE"))
            throw StrataException.Unavailable($"A sync of the store's metadata {Wal} failed, and what is in it can't be written again while another process uses it. Try again.");
        _syncFailed = false;
        return true;
    }

    /// <summary>From now on no write copies the WAL into the database, as every thousandth page makes one do: whoever says so calls <see cref="Checkpoint"/>.</summary>
    internal void LeaveCheckpoints()
    {
        lock (_lock)
            Execute(_connection, "PRAGMA wal_autocheckpoint=0;");
    }

    /// <summary>Copies the WAL into the database if much was written. Who writes meanwhile does not wait, unless the WAL has become long.</summary>
    /// <exception cref="StrataException">The disk is full, or fails.</exception>
    internal void Checkpoint() => Guard(() =>
    {
        long before = Volatile.Read(ref _frames);
        if (before - Volatile.Read(ref _copiedFrames) < FramesUntilCheckpoint)
            return false;
        long frames;
        lock (_copying)
            frames = WithReader(reader => CopyWal(reader, "PASSIVE").Frames);
        if (frames < 0)
            return false; // another process copies it
        lock (_lock)
        {
            if (frames < before) // it was begun anew since
                _frames -= before - frames;
            _copiedFrames = frames;
            return _frames >= _longFrames && BeginWalAnew("RESTART");
        }
    });

    /// <summary>Leaves nothing in the WAL and no room on disk to it, if it has much: for when nobody writes for a while.</summary>
    /// <exception cref="StrataException">The disk is full, or fails.</exception>
    internal void Rest() => Guard(() =>
    {
        if (new FileInfo(Wal) is not { Exists: true, Length: > SmallWalBytes })
            return false;
        lock (_lock)
            return BeginWalAnew("TRUNCATE");
    });

    /// <summary>After a transaction, by who has the lock: it must not fail for this, as it is committed.</summary>
    private void KeepWalShort()
    {
        if (_connection.Handle is not { } handle)
            return; // closed, which the write has told
        _ = raw.sqlite3_db_status(handle, PagesWritten, out int pages, out _, resetFlg: 1);
        _frames += pages;
        if (_frames < _longestFrames)
            return;
        try
        {
            BeginWalAnew("RESTART");
        }
        catch (SqliteException)
        {
            // The disk is full, or fails. The WAL has all that was written; that it can't be copied is told by Checkpoint, and by the next write that fails.
        }
    }

    /// <summary>Copies the WAL to its end, as nothing comes meanwhile, and waits a little for those who read from it: then the next write begins it anew.</summary>
    /// <returns>False: somebody reads from it, or writes in another process.</returns>
    private bool BeginWalAnew(string mode)
    {
        lock (_copying)
        {
            _longFrames = _frames + _retryFrames;
            _longestFrames = Math.Max(LongestWalFrames, _longFrames);
            _retryFrames = Math.Min(2 * _retryFrames, LastRetryFrames);
            Execute(_connection, $"PRAGMA busy_timeout={LongestWaitMilliseconds};");
            try
            {
                var (busy, frames) = CopyWal(_connection, mode);
                if (busy)
                    return false;
                (_frames, _copiedFrames) = (0, 0);
                (_longFrames, _longestFrames, _retryFrames) = (LongWalFrames, LongestWalFrames, FirstRetryFrames);
                return frames >= 0;
            }
            finally
            {
                Execute(_connection, $"PRAGMA busy_timeout={BusyTimeoutSeconds * 1000};");
            }
        }
    }

    /// <summary>Copies as much of the WAL as nobody reads the past of, synced in the right order.</summary>
    /// <returns>Whether somebody was in the way, and how many pages are in it.</returns>
    private (bool Busy, long Frames) CopyWal(SqliteConnection connection, string mode)
    {
        DurableFile.MarkForNames(Wal); // it is synced first
        using var command = connection.CreateCommand();
        command.CommandText = $"PRAGMA wal_checkpoint({mode});";
        using var row = command.ExecuteReader();
        return row.Read() ? (row.GetInt64(0) != 0, row.GetInt64(1)) : (true, -1);
    }
}
