using Microsoft.Data.Sqlite;
using Strata.Store.Metadata;
using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>Writes that are durable a moment after they returned, and what waits for that moment.</summary>
public sealed class SoonTests
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    [Fact]
    public async Task What_is_committed_together_is_as_durable_as_any_of_it_asks_for()
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        const long normal = 1, full = 2;
        Assert.Equal(normal, database.Write(Mode, Durability.Soon));
        Assert.Equal(full, database.Write(Mode));
        Assert.Equal(normal, database.Write(Mode, Durability.Soon));
        using var begun = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var first = Start(() => database.Write(
            s =>
            {
                begun.Set();
                goOn.Wait();
                return Mode(s);
            }, Durability.Soon));
        begun.Wait();
        var together = Enumerable.Range(0, 8).Select(i => Start(() => database.Write(Mode, i == 3 ? Durability.OnReturn : Durability.Soon))).ToArray();
        await Task.Delay(200);
        goOn.Set();
        Assert.Equal(normal, await first);
        Assert.All(await Task.WhenAll(together), mode => Assert.Equal(full, mode));
        database.Flush();
        database.Checkpoint();
        Assert.Equal(12, database.Read(s => s.Count("SELECT count(*) FROM leases")));

        static long Mode(Session s)
        {
            s.Run("INSERT INTO leases VALUES ($1, 0, NULL)", Guid.NewGuid().ToString());
            return s.Count("PRAGMA synchronous");
        }

        static Task<long> Start(Func<long> write) => Task.Factory.StartNew(write, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    [Fact]
    public void What_must_follow_a_flush_is_done_after_it_and_waits_while_the_disk_fails()
    {
        bool fails = true;
        int flushed = 0;
        var done = new List<int>();
        using var queue = new FlushQueue(() => flushed += fails ? throw StrataException.Corrupt("the disk") : 1, TimeSpan.FromMilliseconds(1), () => { }, () => { });
        Assert.True(queue.HasRoom);
        queue.Add(() => done.Add(flushed));
        Assert.True(SpinWait.SpinUntil(() => !queue.HasRoom, TimeSpan.FromSeconds(20)));
        Assert.Empty(done);
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(queue.Flush).Kind);
        fails = false;
        Assert.True(SpinWait.SpinUntil(() => queue.HasRoom, TimeSpan.FromSeconds(20)));
        queue.Flush();
        Assert.Equal([1], done);
        queue.Add(() => done.Add(flushed));
        queue.Dispose();
        Assert.Equal([1, 2], done);
        Assert.False(queue.HasRoom);
    }

    [Fact]
    public void Leases_and_files_stay_until_making_and_removing_are_durable()
    {
        using var rig = new StoreRig("vfs");
        using var other = Open(rig, null);
        using (var store = Open(rig, Never))
        {
            var snapshots = store.Snapshots;
            snapshots.Prepare("kept");
            snapshots.Prepare("gone");
            snapshots.Prepare("done");
            Assert.Equal(3, Leases(rig));
            other.Snapshots.Cleanup(); // somebody else's recovery leaves them alone
            Assert.Equal(["done", "gone", "kept"], other.Snapshots.List().Select(s => s.Key));
            Assert.Equal(ErrorKind.AlreadyExists, Assert.Throws<StrataException>(() => snapshots.Prepare("gone")).Kind);
            snapshots.Remove("gone");
            snapshots.Commit("base", "done");
            Assert.Equal(2, Leases(rig));
            Assert.Equal(3, store.Driver.List().Count);
            Assert.Equal(["base", "kept"], other.Snapshots.List().Select(s => s.Key));
            snapshots.Prepare("on", "base");
            Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(() => snapshots.Remove("base")).Kind);
            snapshots.Update("on", new Dictionary<string, string> { ["a"] = "b" });
            snapshots.Flush();
            Assert.Equal(0, Leases(rig));
            Assert.Equal(3, store.Driver.List().Count);
            snapshots.Remove("on");
            snapshots.Remove("base");
            Assert.Equal(3, store.Driver.List().Count);
        }
        Assert.Single(other.Driver.List()); // closing flushes
        Assert.Equal(0, Leases(rig));
        Assert.Empty(other.Check(deep: true));
        Assert.Equal(["kept"], other.Snapshots.List().Select(s => s.Key));
    }

    [Fact]
    public void So_many_calls_that_the_disk_cannot_keep_up_wait_for_it()
    {
        using var rig = new StoreRig("vfs");
        using var store = Open(rig, Never);
        store.Snapshots.Prepare("a");
        for (int i = 0; i < 1500; i++)
            store.Snapshots.Update("a", new Dictionary<string, string> { ["n"] = $"{i}" });
        store.Snapshots.Prepare("b");
        Assert.Equal(1, Leases(rig)); // b's is given back: it is durable
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // so much waits that the call waits for the disk
    public void The_lease_of_a_making_outlives_calls_that_fail_until_the_making_is_durable(bool full)
    {
        using var rig = new StoreRig("vfs");
        using var store = Open(rig, Never);
        var snapshots = store.Snapshots;
        snapshots.Prepare("a");
        for (int i = 0; full && i < 1000; i++)
            snapshots.Update("a", new Dictionary<string, string> { ["n"] = $"{i}" });
        Sql(rig, "CREATE TRIGGER no1 BEFORE UPDATE ON snapshots BEGIN SELECT RAISE(ABORT, 'not now'); END; CREATE TRIGGER no2 BEFORE DELETE ON snapshots BEGIN SELECT RAISE(ABORT, 'not now'); END");
        Action[] calls = [() => snapshots.Remove("a"), () => snapshots.Commit("b", "a"), () => snapshots.Remove("a"), () => snapshots.Commit("b", "a")];
        foreach (var call in calls)
        {
            Assert.Contains("not now", Assert.Throws<StrataException>(call).Message, StringComparison.Ordinal);
            Assert.Equal(1, Leases(rig)); // its making is not durable yet
        }
        snapshots.Flush();
        Assert.Equal(0, Leases(rig));
        foreach (var call in calls)
        {
            Assert.Throws<StrataException>(call);
            Assert.Equal(0, Leases(rig));
        }
        Sql(rig, "DROP TRIGGER no1; DROP TRIGGER no2");
        snapshots.Commit("b", "a");
        snapshots.Remove("b");
        snapshots.Flush();
        Assert.Equal(0, Leases(rig));
        Assert.Empty(store.Driver.List());
        Assert.Empty(store.Check());
    }

    [Theory]
    [InlineData("vfs")]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public void A_row_without_files_is_told_and_can_be_removed(string driver)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, "needs root");
        using var rig = new StoreRig(driver);
        rig.Store.Snapshots.Prepare("base-active");
        rig.Store.Snapshots.Commit("base", "base-active");
        var before = rig.Store.Driver.List();
        rig.Store.Snapshots.Prepare("lost", "base");
        rig.Store.Driver.Remove(rig.Store.Driver.List().Except(before).Single());
        rig.Reopen();
        var snapshots = rig.Store.Snapshots;
        var finding = Assert.Single(rig.Store.Check());
        Assert.Equal("snapshot 'lost'", finding.Subject);
        Assert.Contains("its files are gone", finding.Problem, StringComparison.Ordinal);
        Assert.Equal("base", snapshots.Stat("lost").Parent);
        Assert.Equal(2, snapshots.List().Count);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => snapshots.Mounts("lost")).Kind);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => snapshots.Usage("lost")).Kind);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(() => snapshots.Remove("base")).Kind);
        snapshots.Remove("lost");
        snapshots.Prepare("lost", "base");
        snapshots.Mounts("lost");
        snapshots.Remove("lost");
        snapshots.Remove("base");
        Assert.Empty(rig.Store.Check());
        Assert.Empty(rig.Store.Driver.List());
    }

    [Theory]
    [InlineData("vfs")]
    [InlineData("overlay")]
    public void Files_without_a_row_are_swept_by_their_lease_and_told_without_it(string driver)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, "needs root");
        using var rig = new StoreRig(driver);
        foreach (bool leased in new[] { true, false })
        {
            rig.Store.Snapshots.Prepare("lost");
            var id = rig.Store.Driver.List().Single();
            rig.Store.Dispose();
            Assert.Equal(1, Sql(rig, "DELETE FROM snapshots"));
            if (leased)
                File.WriteAllBytes(Path.Combine(rig.Root, "leases", id.ToString()), []);
            rig.Reopen();
            Assert.Equal(ErrorKind.NotFound, Assert.Throws<StrataException>(() => rig.Store.Snapshots.Mounts("lost")).Kind);
            Assert.Equal(ErrorKind.NotFound, Assert.Throws<StrataException>(() => rig.Store.Snapshots.Remove("lost")).Kind);
            if (!leased)
                Assert.Equal(FindingKind.Leftover, Assert.Single(rig.Store.Check(repair: true)).Kind);
            Assert.Empty(rig.Store.Driver.List());
            Assert.Equal(0, Leases(rig));
        }
    }

    private static Store Open(StoreRig rig, TimeSpan? flush) => Store.Open(new StoreOptions { Root = rig.Root, Driver = rig.DriverName, SnapshotFlush = flush });

    private static int Sql(StoreRig rig, string text)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(rig.Root, "strata.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        return command.ExecuteNonQuery();
    }

    private static int Leases(StoreRig rig) => Directory.GetFiles(Path.Combine(rig.Root, "leases")).Length;
}
