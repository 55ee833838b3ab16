using Strata.Store.Metadata;
using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class GroupCommitTests
{
    [Fact]
    public async Task Writes_that_wait_are_committed_together_and_one_that_fails_is_undone_alone()
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        using var begun = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var first = Task.Run(() => database.Write(s =>
        {
            begun.Set();
            goOn.Wait();
            return Insert(s, "first");
        }));
        begun.Wait();
        // While the first one is under way reading waits for nobody, and sees nothing of it.
        Assert.Equal(0, database.Read(Count));
        var others = Enumerable.Range(0, 20).Select(i => Task.Factory.StartNew(
            () => database.Write(s =>
            {
                Insert(s, $"other{i}");
                return i % 5 == 0 ? throw StrataException.FailedPrecondition($"no {i}") : i;
            }),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        await Task.Delay(200);
        goOn.Set();
        await first;
        for (int i = 0; i < others.Length; i++)
        {
            if (i % 5 == 0)
                Assert.Equal($"no {i}", (await Assert.ThrowsAsync<StrataException>(() => others[i])).Message);
            else
                Assert.Equal(i, await others[i]);
        }
        Assert.Equal(1 + 16, database.Read(Count));
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(() => database.Write<int>(s => throw StrataException.FailedPrecondition(Insert(s, "alone").ToString(System.Globalization.CultureInfo.InvariantCulture)))).Kind);
        Assert.Equal(17, database.Read(Count));
    }

    [Fact]
    public void Who_is_committed_returns_at_once_and_who_came_first_is_committed_first()
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        using var goOn = new ManualResetEventSlim();
        using var last = new ManualResetEventSlim();
        var order = new List<string>();
        int returned = 0;
        var threads = new List<Thread> { Start("first", goOn) };
        for (int i = 0; i < 64; i++)
            threads.Add(Start($"{i}", null));
        threads.Add(Start("last", last));
        goOn.Set();
        // The 64 are committed together; that the last one's commit takes long is nothing to them.
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref returned) == 65, TimeSpan.FromSeconds(30)));
        last.Set();
        threads.ForEach(thread => thread.Join());
        Assert.Equal(["first", .. Enumerable.Range(0, 64).Select(i => $"{i}"), "last"], order);
        Assert.Equal(66, database.Read(Count));

        Thread Start(string name, ManualResetEventSlim? wait)
        {
            var thread = new Thread(() =>
            {
                database.Write(s =>
                {
                    order.Add(name); // one after the other
                    wait?.Wait();
                    return Insert(s, name);
                });
                Interlocked.Increment(ref returned);
            });
            thread.Start();
            SpinWait.SpinUntil(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)); // it waits in there, or for its turn
            return thread;
        }
    }

    [Fact]
    public async Task Where_sqlite_ends_the_transaction_nobody_of_it_is_told_that_his_is_there()
    {
        using var scratch = new ScratchDirectory();
        using var database = Database.Open(scratch["m.db"], create: true);
        using var begun = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        long pages = database.Read(s => s.Count("PRAGMA page_count"));
        var first = Task.Run(() => database.Write(s =>
        {
            begun.Set();
            goOn.Wait();
            s.Count($"PRAGMA max_page_count={pages + 20}");
            return Insert(s, "first");
        }));
        begun.Wait();
        var others = Enumerable.Range(0, 12).Select(i => Task.Factory.StartNew(
            () => database.Write(
                s => i switch
                {
                    4 => throw StrataException.NotFound("his own"),
                    6 => Insert(s, "large " + new string('x', 1_000_000)), // SQLITE_FULL, which rolls back all of the transaction
                    _ => Insert(s, $"other{i}"),
                }, i % 2 == 0 ? Durability.OnReturn : Durability.Soon),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        await Task.Delay(200);
        goOn.Set();
        await first;
        int there = 1;
        for (int i = 0; i < others.Length; i++)
        {
            try
            {
                await others[i];
                Assert.Equal(1, database.Read(s => (int)s.Count("SELECT count(*) FROM leases WHERE name=$1", $"other{i}")));
                there++;
            }
            catch (StrataException e)
            {
                Assert.True(e.Kind == ErrorKind.Exhausted || (i == 4 && e.Message == "his own"), $"{i}: {e}");
            }
        }
        Assert.Equal(ErrorKind.Exhausted, (await Assert.ThrowsAsync<StrataException>(() => others[6])).Kind);
        Assert.InRange(there, 1, 6); // who was late is of the next transaction
        Assert.Equal(there, database.Read(Count)); // and nothing is there of which somebody was told that it is not
        Assert.Equal(ErrorKind.Exhausted, Assert.Throws<StrataException>(() => database.Write(s => Insert(s, "alone " + new string('x', 1_000_000)))).Kind);
        database.Write(s => Insert(s, "small"));
        Assert.Equal(there + 1, database.Read(Count));
        Assert.Equal("ok", database.Read(s => s.List("PRAGMA integrity_check", r => r.GetString(0))[0]));
        database.Read(s => s.Count("PRAGMA max_page_count=1000000"));
        database.Write(s => Insert(s, "large " + new string('x', 1_000_000)));
        Assert.Equal(there + 2, database.Read(Count));
    }

    [Fact]
    public async Task One_sync_serves_all_who_wait_for_it_and_none_that_began_before()
    {
        int syncs = 0;
        using var goOn = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        var shared = new SharedSync(() =>
        {
            Interlocked.Increment(ref syncs);
            begun.Set();
            goOn.Wait();
        });
        Task Start() => Task.Factory.StartNew(shared.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var first = Start();
        begun.Wait();
        Task[] late = [.. Enumerable.Range(0, 10).Select(_ => Start())];
        await Task.Delay(200);
        Assert.Equal(1, syncs);
        goOn.Set();
        await Task.WhenAll(late.Append(first));
        Assert.Equal(2, syncs);
        shared.Run();
        Assert.Equal(3, syncs);
    }

    private static int Insert(Session s, string name) => s.Run("INSERT INTO leases VALUES ($1, 0, NULL)", name);

    private static int Count(Session s) => (int)s.Count("SELECT count(*) FROM leases");
}
