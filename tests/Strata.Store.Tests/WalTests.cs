using System.Globalization;
using Microsoft.Data.Sqlite;
using Strata.Store.Metadata;
using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>The WAL stays short under load, and nothing of it is left when the load ends.</summary>
public sealed class WalTests
{
    private const int PerWriter = 400;
    private const long Longest = 60 << 20; // 32 MiB, and what comes while who reads is late a few times on a busy machine

    [Theory]
    [InlineData(5)]
    [InlineData(int.MaxValue)] // whoever should copy it can't keep up
    public async Task While_many_write_and_read_the_wal_stays_short(int checkpointEachMilliseconds)
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        database.LeaveCheckpoints();
        var wal = new FileInfo(scratch["m.db-wal"]);
        using var ended = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Start(() =>
        {
            while (!ended.IsCancellationRequested)
                database.Read(s => Read(s, milliseconds: 10));
        })).ToArray();
        var copier = Start(() =>
        {
            while (checkpointEachMilliseconds != int.MaxValue && !ended.Token.WaitHandle.WaitOne(checkpointEachMilliseconds))
                database.Checkpoint();
        });
        long longest = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(w => Start(() =>
        {
            string value = new('x', 60_000); // 15 pages
            for (int i = 0; i < PerWriter; i++)
            {
                database.Write(s => s.Run("INSERT OR REPLACE INTO meta VALUES ($1, $2)", $"{w}", value + i.ToString(CultureInfo.InvariantCulture)), Durability.Soon);
                wal.Refresh();
                InterlockedMax(ref longest, wal.Length);
            }
        })));
        await ended.CancelAsync();
        await Task.WhenAll([.. readers, copier]);
        TestContext.Current.TestOutputHelper?.WriteLine($"the longest WAL: {longest >> 10} KB of {4 * PerWriter * 15 * 4} KB written");
        Assert.InRange(longest, 1, Longest);
        database.Rest();
        wal.Refresh();
        Assert.Equal(0, wal.Length);
        Assert.Equal(4, database.Read(s => s.Count("SELECT count(*) FROM meta WHERE length(value)>60000")));
    }

    [Fact]
    public void Somebody_who_reads_for_long_keeps_it_long_until_he_ends()
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        database.LeaveCheckpoints();
        var wal = new FileInfo(scratch["m.db-wal"]);
        string value = new('x', 1_000_000);
        using (var other = new SqliteConnection($"Data Source={scratch["m.db"]};Pooling=False"))
        {
            other.Open();
            using var moment = other.BeginTransaction(deferred: true);
            using var command = other.CreateCommand();
            command.CommandText = "SELECT count(*) FROM meta";
            command.Transaction = moment;
            command.ExecuteScalar();
            for (int i = 0; i < 66; i++)
                Replace(i);
            Assert.InRange(wal.Length, Longest, 100 << 20);
            database.Checkpoint(); // copies what it can
            database.Rest();
            wal.Refresh();
            Assert.InRange(wal.Length, Longest, 100 << 20);
        }
        for (int i = 0; i < 20; i++)
        {
            Replace(i);
            database.Checkpoint();
        }
        Assert.InRange(wal.Length, 1, Longest); // it was begun anew, and cut
        database.Rest();
        wal.Refresh();
        Assert.Equal(0, wal.Length);

        void Replace(int i)
        {
            database.Write(s => s.Run("INSERT OR REPLACE INTO meta VALUES ('x', $1)", value + i.ToString(CultureInfo.InvariantCulture)), Durability.Soon);
            wal.Refresh();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_a_sync_that_failed_nothing_is_durable_before_all_of_it_is_written_again(bool flushes)
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        database.LeaveCheckpoints();
        var wal = new FileInfo(scratch["m.db-wal"]);
        int syncs = 0;
        database.SyncFile = _ => throw (syncs++ == 0 ? StrataException.Corrupt("EIO") : new InvalidOperationException("a second sync tells nothing"));
        Insert("a", Durability.Soon);
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(database.Flush).Kind);
        Insert("b", Durability.Soon); // a kill does not lose it
        wal.Refresh();
        Assert.NotEqual(0, wal.Length);
        using (var other = new SqliteConnection($"Data Source={scratch["m.db"]};Pooling=False"))
        {
            other.Open();
            using var moment = other.BeginTransaction(deferred: true);
            using var command = other.CreateCommand();
            (command.CommandText, command.Transaction) = ("SELECT count(*) FROM leases", moment);
            Assert.Equal(2L, command.ExecuteScalar());
            Assert.Equal(ErrorKind.Unavailable, Assert.Throws<StrataException>(Again).Kind); // somebody reads from the WAL
        }
        Again();
        wal.Refresh();
        if (flushes)
            Assert.Equal(0, wal.Length); // all is in the database, synced
        else
            Assert.InRange(wal.Length, 1, 20_000); // the last one alone
        Assert.Equal(1, syncs);
        database.SyncFile = _ => syncs++;
        database.Flush();
        Assert.Equal(2, syncs); // as ever
        Assert.Equal(flushes ? 2 : 3, database.Read(s => s.Count("SELECT count(*) FROM leases")));

        void Insert(string name, Durability durability) => database.Write(s => s.Run("INSERT INTO leases VALUES ($1, 0, NULL)", name), durability);

        void Again()
        {
            if (flushes)
                database.Flush();
            else
                Insert("c", Durability.OnReturn);
        }
    }

    [Fact]
    public void A_store_that_rests_has_a_short_wal()
    {
        using var rig = new StoreRig("vfs");
        using var store = Store.Open(new StoreOptions { Root = rig.Root, Driver = "vfs", SnapshotFlush = TimeSpan.FromMilliseconds(1) });
        var wal = new FileInfo(Path.Combine(rig.Root, "strata.db-wal"));
        store.Snapshots.Prepare("a");
        string[] long1 = [.. Enumerable.Range(0, 2).Select(i => new string((char)('a' + i), 4000))];
        for (int i = 0; i < 300; i++)
            store.Snapshots.Update("a", new Dictionary<string, string> { ["n"] = long1[i % 2] });
        wal.Refresh();
        Assert.InRange(wal.Length, 1 << 20, Longest);
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                wal.Refresh();
                return wal.Length == 0;
            }, TimeSpan.FromSeconds(20)));
        Assert.Equal(long1[1], store.Snapshots.Stat("a").Labels["n"]);
    }

    private static long Read(Session s, int milliseconds)
    {
        long first = s.Count("SELECT count(*) FROM meta");
        Thread.Sleep(milliseconds);
        return first + s.Count("SELECT count(*) FROM meta");
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (long old = Volatile.Read(ref most); value > old; old = Volatile.Read(ref most))
        {
            if (Interlocked.CompareExchange(ref most, value, old) == old)
                return;
        }
    }

    private static Task Start(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
