using Microsoft.Data.Sqlite;

namespace Strata.Store.Metadata;

/// <summary>The store's metadata: one SQLite file in WAL mode, so that readers never wait for a writer.</summary>
/// <remarks>
/// Durable when a transaction returns (synchronous=FULL). One connection a store object, guarded by a lock; processes wait for each other's
/// writes for at most the busy time-out. Schema versions: <see cref="Migrations"/> and docs/design/disk-layout.md.
/// </remarks>
internal sealed class Database : IDisposable
{
    private const int BusyTimeoutSeconds = 60;
    private const int SharedMemorySizeError = 10 | (19 << 8); // SQLITE_IOERR_SHMSIZE

    private readonly SqliteConnection _connection;
    private readonly Lock _lock = new();

    private Database(SqliteConnection connection) => _connection = connection;

    /// <summary>Opens the file, and makes it if <paramref name="create"/>.</summary>
    /// <exception cref="StrataException">FailedPrecondition: it is of another version. Corrupt: it is no database.</exception>
    internal static Database Open(string path, bool create)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = create ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = BusyTimeoutSeconds,
        }.ToString());
        var database = new Database(connection);
        try
        {
            database.Guard(() =>
            {
                connection.Open();
                database.Execute($"PRAGMA busy_timeout={BusyTimeoutSeconds * 1000}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;");
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
        var database = new Database(connection);
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
            database.Execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE;");
            return 0;
        });
    }

    /// <summary>Reads; what is read is one moment's state.</summary>
    internal T Read<T>(Func<Session, T> read) => Guard(() =>
    {
        lock (_lock)
            return read(new Session(_connection, null));
    });

    /// <summary>Writes in one transaction: all of it, durable when this returns, or nothing.</summary>
    internal T Write<T>(Func<Session, T> write) => Guard(() =>
    {
        lock (_lock)
        {
            // Not deferred: the write lock is taken before anything is read, so that what was checked still holds.
            using var transaction = _connection.BeginTransaction(deferred: false);
            var result = write(new Session(_connection, transaction));
            transaction.Commit();
            return result;
        }
    });

    public void Dispose() => _connection.Dispose();

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

    private void Execute(string text)
    {
        using var command = _connection.CreateCommand();
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
                13 => StrataException.Exhausted($"{what} can't be written: the disk is full.", e),
                19 => StrataException.FailedPrecondition($"{what} refused a change: {e.Message}", e),
                _ => new StrataException(ErrorKind.Unknown, $"{what}: {e.Message}", e),
            };
        }
    }
}
