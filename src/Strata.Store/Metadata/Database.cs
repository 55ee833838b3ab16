using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Strata.Trees;

namespace Strata.Store.Metadata;

/// <summary>The store's metadata: one SQLite file in WAL mode, so that readers never wait for a writer.</summary>
/// <remarks>
/// Durable when a transaction returns (synchronous=FULL), unless it is told that soon is enough (<see cref="Durability.Soon"/>, synchronous=NORMAL: the WAL
/// is written, in order, and not synced). One connection writes, guarded by a lock; who comes while a transaction is made durable is committed with all
/// others that came, by the first of them: many calls at once share one fsync, and none waits for more than two. Reading needs a connection of its own only while that one is
/// in use. Processes wait for each other's writes for at most the busy time-out. Schema versions: <see cref="Migrations"/> and docs/design/disk-layout.md.
/// </remarks>
internal sealed partial class Database : IDisposable
{
    private const int BusyTimeoutSeconds = 60;
    private const int SharedMemorySizeError = 10 | (19 << 8); // SQLITE_IOERR_SHMSIZE
    private const int SyncError = 10 | (4 << 8); // SQLITE_IOERR_FSYNC

    private const int MostAtOnce = 64; // as long as nobody waits for long
    private const int ReadersKept = 8;

    private readonly SqliteConnection _connection;
    private readonly bool _canReopen; // false: what is open is a file that may have no name any more
    private readonly Lock _lock = new();
    private readonly Queue<PendingWrite> _pending = new();
    private bool _somebodyLeads; // the first of those who wait, who commits for all; guarded by the queue
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private SqliteTransaction? _moment; // of who reads by the connection that writes
    private bool _syncsCommits = true; // synchronous=FULL; changed under the lock, between transactions

    private Database(SqliteConnection connection, bool canReopen)
    {
        _connection = connection;
        _canReopen = canReopen;
    }

    /// <summary>Opens the file, and makes it if <paramref name="create"/>.</summary>
    /// <exception cref="StrataException">FailedPrecondition: it is of another version. Corrupt: it is no database.</exception>
    internal static Database Open(string path, bool create)
    {
        var connection = new MetadataConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = create ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = BusyTimeoutSeconds,
        }.ToString());
        var database = new Database(connection, canReopen: true);
        try
        {
            database.Guard(() =>
            {
                bool hasHoles = SharedIndexRoom.Require(path);
                connection.Open();
                Execute(connection, $"PRAGMA busy_timeout={BusyTimeoutSeconds * 1000}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=0;");
                if (hasHoles)
                    SharedIndexRoom.FillHoles(path);
                database.RequireVersion(path);
                return 0;
            });
            return database;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file that is not changed while it is open, without writing a byte beside it or to it. Nothing of a WAL is seen.</summary>
    /// <param name="path">The file.</param>
    /// <param name="version">Of which schema it is: this program's or an older one.</param>
    /// <exception cref="StrataException">FailedPrecondition: it is of a newer version. Corrupt: it is no database.</exception>
    internal static Database OpenImmutable(string path, out int version)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = $"file:{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}?immutable=1",
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
        }.ToString());
        var database = new Database(connection, canReopen: false);
        try
        {
            version = database.Guard(() =>
            {
                connection.Open();
                return database.FindVersion(path);
            });
            return database;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Brings a file to this program's schema, and all that stands in its WAL into it.</summary>
    internal static void MakeSingle(string path)
    {
        using var database = Open(path, create: false);
        database.Guard(() =>
        {
            Execute(database._connection, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE;");
            return 0;
        });
    }

    /// <summary>Reads; what is read is one moment's state. Waits for no writer.</summary>
    internal T Read<T>(Func<Session, T> read) => Read(read, isOne: false);

    /// <summary>Reads by one statement, which is one moment's state without a transaction around it.</summary>
    internal T ReadOne<T>(Func<Session, T> read) => Read(read, isOne: true);

    private T Read<T>(Func<Session, T> read, bool isOne) => Guard(() =>
    {
        if (!_canReopen || _lock.TryEnter())
        {
            if (!_canReopen)
                _lock.Enter();
            try
            {
                return isOne && _moment is null ? read(new Session(_connection, null)) : ReadMoment(read);
            }
            finally
            {
                _lock.Exit();
            }
        }
        return WithReader(reader =>
        {
            if (isOne)
                return read(new Session(reader, null));
            using var moment = reader.BeginTransaction(deferred: true);
            return read(new Session(reader, moment));
        });
    });

    /// <summary>Writes in one transaction: all of it or nothing.</summary>
    /// <param name="write">Called once, perhaps on another thread, together with those of others: it must wait for nobody.</param>
    /// <param name="durability">Whether it is on disk when this returns. Together with others it is as durable as any of them asks for.</param>
    internal T Write<T>(Func<Session, T> write, Durability durability = Durability.OnReturn) => Guard(() =>
    {
        var mine = new PendingWrite<T>(write, durability);
        bool leads;
        lock (_pending)
        {
            _pending.Enqueue(mine);
            leads = !_somebodyLeads;
            _somebodyLeads = true;
        }
        if (leads || mine.AwaitLead()) // else somebody else has committed it with his own
            CommitPending();
        return mine.Result;
    });

    public void Dispose()
    {
        while (_readers.TryTake(out var reader))
            reader.Dispose();
        _connection.Dispose();
    }

    /// <summary>Commits what waits, in the order of its coming, and leaves what came meanwhile to the first of that: nobody waits for more than two commits.</summary>
    private void CommitPending()
    {
        var together = new List<PendingWrite>();
        try
        {
            lock (_lock)
            {
                lock (_pending)
                {
                    while (together.Count < MostAtOnce && _pending.TryDequeue(out var next))
                        together.Add(next);
                }
                Commit(together);
                KeepWalShort();
            }
        }
        finally
        {
            lock (_pending)
            {
                if (_pending.TryPeek(out var next))
                    next.Lead();
                else
                    _somebodyLeads = false;
            }
            foreach (var one in together)
                one.Done();
        }
    }

    /// <summary>Commits in one transaction. What fails is undone alone; where the transaction itself fails, all of it is.</summary>
    private void Commit(List<PendingWrite> together)
    {
        try
        {
            bool sync = together.Exists(one => one.Durability == Durability.OnReturn);
            if (sync)
            {
                WriteAgain();
                DurableFile.MarkForNames(Wal); // rows that were to be durable soon become so now, and their files' names must not come after them
            }
            SyncCommits(sync);
            // Not deferred: the write lock is taken before anything is read, so that what was checked still holds.
            using var transaction = _connection.BeginTransaction(deferred: false);
            foreach (var one in together)
                one.Run(new Session(_connection, transaction), together.Count > 1 ? transaction : null);
            transaction.Commit();
        }
        catch (Exception e)
        {
            if (e is SqliteException { SqliteExtendedErrorCode: SyncError })
                _syncFailed = true; // what came before it without a sync of its own is in doubt, too
            foreach (var one in together)
                one.Fail(e);
        }
    }

    /// <summary>Whether the next transactions are durable when they are committed. A sync of the WAL covers all that is in it, also what was committed without.</summary>
    private void SyncCommits(bool sync)
    {
        if (sync == _syncsCommits)
            return;
        Execute(_connection, sync ? "PRAGMA synchronous=FULL;" : "PRAGMA synchronous=NORMAL;");
        _syncsCommits = sync;
    }

    /// <summary>Reads by the connection that writes, whose lock is held. In a transaction: other processes may write between two statements.</summary>
    private T ReadMoment<T>(Func<Session, T> read)
    {
        if (_moment is { } around) // reading while reading
            return read(new Session(_connection, around));
        using var moment = _connection.BeginTransaction(deferred: true);
        _moment = moment;
        try
        {
            return read(new Session(_connection, moment));
        }
        finally
        {
            _moment = null;
        }
    }

    private T WithReader<T>(Func<SqliteConnection, T> use)
    {
        if (!_readers.TryTake(out var reader))
            reader = OpenReader();
        try
        {
            return use(reader);
        }
        finally
        {
            if (_readers.Count < ReadersKept)
                _readers.Add(reader);
            else
                reader.Dispose();
        }
    }

    private MetadataConnection OpenReader()
    {
        var reader = new MetadataConnection(_connection.ConnectionString);
        try
        {
            reader.Open();
            Execute(reader, $"PRAGMA busy_timeout={BusyTimeoutSeconds * 1000}; PRAGMA query_only=ON; PRAGMA cache_size=-256;");
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Brings the schema to this program's version, in one transaction; an older program's store is refused by nothing, a newer one's is.</summary>
    private void RequireVersion(string path)
    {
        if (FindVersion(path) == Migrations.Newest)
            return;
        Write(session =>
        {
            // Read again inside the transaction: somebody else may have been faster.
            Migrations.Run(session, session.Version());
            return 0;
        });
    }

    private int FindVersion(string path)
    {
        int version = new Session(_connection, null).Version();
        return version <= Migrations.Newest ? version : throw StrataException.FailedPrecondition(
            $"The store's metadata {path} is of version {version}; this program knows version {Migrations.Newest} and those before. Use a newer program, or another root.");
    }

    private static void Execute(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    /// <summary>Gives SQLite's errors their meaning.</summary>
    private T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (SqliteException e)
        {
            string what = $"The store's metadata {_connection.DataSource}";
            throw e.SqliteErrorCode switch
            {
                5 or 6 => StrataException.Unavailable($"{what} is locked by another process for longer than {BusyTimeoutSeconds} s. Try again.", e),
                8 or 14 => StrataException.FailedPrecondition($"{what} can't be opened or written: {e.Message} Is the root read-only, or another user's?", e),
                // SQLite tells a full disk from other I/O errors only where it writes data, not where it makes the file that its WAL is shared by.
                10 when e.SqliteExtendedErrorCode == SharedMemorySizeError => StrataException.Exhausted($"{what} can't be opened: the disk is full. Free some space.", e),
                10 => StrataException.Corrupt($"{what} can't be read or written: {e.Message}", e),
                11 or 26 => StrataException.Corrupt($"{what} is damaged or no database: {e.Message}", e),
                13 => StrataException.Exhausted($"{what} can't be written: the disk is full. Free some space.", e),
                19 => StrataException.FailedPrecondition($"{what} refused a change: {e.Message}", e),
                _ => new StrataException(ErrorKind.Unknown, $"{what}: {e.Message}", e),
            };
        }
    }
}
