using System.Collections.Concurrent;
using System.Globalization;
using Strata.Linux;
using Strata.Store;
using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>
/// The store lies on a file system whose disk is a file. At random moments, while processes work, the file is cloned, which is one moment's state of
/// it: what the file system had written by then, as after a power cut. The copy is mounted, the store opened and looked at.
/// </summary>
/// <remarks>
/// A disk that forgets what it had in its cache, or changes the order of writes between two flushes, is not what this tries. STRATA_TEST_POWER_CUTS says how
/// often the power is cut, for each file system and driver.
/// </remarks>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    private static readonly int Cuts =
        int.TryParse(Environment.GetEnvironmentVariable("STRATA_TEST_POWER_CUTS"), CultureInfo.InvariantCulture, out int asked) ? asked : 3;

    [Theory, InlineData("ext4", "overlay"), InlineData("ext4", "erofs"), InlineData("ext4", "vfs"), InlineData("xfs", "overlay"), InlineData("btrfs", "erofs")]
    public void After_a_power_cut_layers_are_whole_or_absent(string type, string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it makes loop devices");
        using var scratch = new ScratchDirectory();
        string basis = scratch.MountLoop("basis", "xfs", 2000); // clones files at once, as one moment's state
        string disk = Path.Combine(basis, "disk");
        int seed = Random.Shared.Next(10_000);
        using var point = new Disk(disk, type, scratch.Make("now"), make: true);
        string root = Path.Combine(point.Path, "store");
        using var traffic = new Traffic(root, driver, scratch, seed);
        foreach (var (_, file) in traffic.All)
            Command.Run(root, driver, ["load", file]);
        var expected = StressTests.TreesOf(root, driver);
        traffic.Start(3);
        var random = new Random(seed);
        var copies = new List<string>();
        for (int i = 0; i < Cuts; i++)
        {
            Thread.Sleep(random.Next(50, 700));
            copies.Add($"{disk}.{i}");
            Commands.Run("cp", "--reflink=always", disk, copies[^1]);
        }
        traffic.Stop();
        Assert.True(traffic.Bad.Count == 0, string.Join('\n', traffic.Bad.Take(10)));
        int layers = 0, torn = 0, repaired = 0;
        foreach (string copy in copies)
        {
            using (var then = new Disk(copy, type, scratch.Make(Path.GetFileName(copy)), make: false))
            {
                var seen = Look(Path.Combine(then.Path, "store"), driver, expected, $"{type} {driver}, seed {seed}, {Path.GetFileName(copy)}");
                layers += seen.Layers;
                torn += seen.Torn;
                repaired += seen.Repaired ? 1 : 0;
            }
            File.Delete(copy);
        }
        output.WriteLine($"{driver} on {type}, seed {seed}: power cut {Cuts} times amid {traffic.Summary}; {layers} layers found, all whole; {torn} writable layers torn and removed; {repaired} stores repaired");
        using var store = Command.Open(root, driver);
        foreach (var box in store.ListWritable())
        {
            while (store.FindMountPoint(box) is not null)
                store.Unmount(box.Name);
        }
        store.Collect();
    }

    [Fact]
    public void After_a_power_cut_commits_of_snapshots_are_there_and_nothing_is_left_of_others()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it makes loop devices");
        using var scratch = new ScratchDirectory();
        string disk = Path.Combine(scratch.MountLoop("basis", "xfs", 1200), "disk");
        using var point = new Disk(disk, "ext4", scratch.Make("now"), make: true);
        var cuts = new List<(string Copy, string[] Committed, int Answered)>();
        using (var store = Store.Store.Open(new StoreOptions { Root = Path.Combine(point.Path, "store"), Driver = "overlay", DeletesLater = true, SnapshotFlush = TimeSpan.FromMilliseconds(100) }))
        {
            var committed = new ConcurrentQueue<string>();
            var failed = new ConcurrentQueue<Exception>();
            int answered = 0;
            using var end = new CancellationTokenSource();
            store.Snapshots.Prepare("base-active");
            store.Snapshots.Commit("base", "base-active");
            Thread[] callers = [.. Enumerable.Range(0, 4).Select(i => new Thread(() =>
            {
                // A thread's exception would end the process, and leave what it mounted.
                if (Record.Exception(() => Live(store, i, committed, ref answered, end.Token)) is { } e)
                    failed.Enqueue(e);
            }))];
            foreach (var caller in callers)
                caller.Start();
            for (int i = 0; i < Cuts; i++)
            {
                Thread.Sleep(Random.Shared.Next(50, 400));
                (string Copy, string[] Committed, int Answered) cut = ($"{disk}.{i}", [.. committed], Volatile.Read(ref answered));
                Commands.Run("cp", "--reflink=always", disk, cut.Copy);
                cuts.Add(cut);
            }
            end.Cancel();
            foreach (var caller in callers)
                caller.Join();
            Assert.Empty(failed);
        }
        foreach (var (copy, committed, answered) in cuts)
        {
            using (var then = new Disk(copy, "ext4", scratch.Make(Path.GetFileName(copy)), make: false))
            {
                var (found, torn) = LookAtSnapshots(Path.Combine(then.Path, "store"), committed);
                output.WriteLine($"power cut after {answered} calls: all of {committed.Length} commits there, and {found} snapshots that were not committed, {torn} of them torn and repaired");
            }
            File.Delete(copy);
        }
    }

    private static void Live(Store.Store store, int number, ConcurrentQueue<string> committed, ref int answered, CancellationToken end)
    {
        for (int i = 0; !end.IsCancellationRequested; i++)
        {
            string key = $"{number}-{i}";
            store.Snapshots.Prepare(key, "base");
            if (i % 12 == 5)
            {
                store.Snapshots.Commit(key + "-done", key);
                committed.Enqueue(key + "-done");
            }
            else if (i % 4 < 3)
            {
                store.Snapshots.Remove(key);
            }
            Interlocked.Add(ref answered, 2);
            Thread.Sleep(1);
        }
    }

    private static (int Found, int Torn) LookAtSnapshots(string root, string[] committed)
    {
        using var store = Command.Open(root, "overlay");
        var there = store.Snapshots.List();
        Assert.Empty(committed.Except(there.Select(s => s.Key)));
        Assert.Empty(store.FindOrphans());
        store.EmptyTrash(wait: true, TestContext.Current.CancellationToken);
        // What was made last and never synced may be torn: it is told, and made whole.
        var torn = store.Check(deep: true, repair: true, cancellationToken: TestContext.Current.CancellationToken);
        Assert.All(torn, finding => Assert.True(finding.Repaired, finding.ToString()));
        Assert.Empty(store.Check());
        foreach (var active in there.Where(s => s.Kind == SnapshotKind.Active))
            Assert.NotEmpty(store.Snapshots.Mounts(active.Key));
        foreach (var snapshot in there.OrderByDescending(s => s.Key != "base"))
            store.Snapshots.Remove(snapshot.Key);
        Assert.Empty(store.Driver.List());
        Assert.Empty(Directory.GetFiles(Path.Combine(root, "leases")));
        return (there.Count(s => s.Kind == SnapshotKind.Active), torn.Count);
    }

    private static (int Layers, int Torn, bool Repaired) Look(string root, string driver, Dictionary<string, string> expected, string when)
    {
        int layers, torn = 0;
        using (var store = Command.Open(root, driver))
        {
            layers = store.ListLayers().Count;
            // What nobody promises to be there after a power cut: what was made last, without a sync. It can be removed.
            foreach (var box in store.ListWritable())
            {
                try
                {
                    store.Export(box.Name, Stream.Null);
                }
                catch (StrataException)
                {
                    store.RemoveWritable(box.Name);
                    torn++;
                }
            }
            store.Collect();
        }
        foreach (var (name, tree) in StressTests.TreesOf(root, driver).Where(t => expected.ContainsKey(t.Key)))
            Assert.True(expected[name] == tree, $"{when}: {name} is another tree");
        var whole = new WholeStore(root, driver);
        whole.Look(when, killed: true);
        return (layers, torn, whole.Repaired);
    }

    /// <summary>A file that is a loop device's disk, written past the page cache, with a file system that is mounted.</summary>
    private sealed class Disk : IDisposable
    {
        private const long SizeBytes = 500L << 20;
        private readonly string _device = "";
        private readonly string _file;

        internal Disk(string file, string type, string point, bool make)
        {
            Path = point;
            _file = file;
            if (make)
            {
                using (var made = File.Create(file))
                    made.SetLength(SizeBytes);
                Commands.Run("mkfs." + type, type == "ext4" ? ["-q", "-F", file] : ["-q", "-f", file]);
            }
            // The copies are read by the page cache: past it a loop device takes other block sizes than the file system was made with.
            _device = Commands.Run("losetup", ["--find", "--show", .. make ? ["--direct-io=on"] : (string[])[], file]).Trim();
            try
            {
                string options = type == "xfs" ? "nouuid" : type == "ext4" ? "data=ordered,commit=1" : "commit=1";
                Commands.Run("mount", "-t", type, "-o", options, _device, point);
            }
            catch
            {
                Commands.TryRun("losetup", "-d", _device);
                throw;
            }
        }

        internal string Path { get; }

        public void Dispose()
        {
            // Others may look at a mount for a moment, and the kernel lets a loop device go when the last of them has ended.
            for (int i = 0; i < 150; i++)
            {
                foreach (string mounted in Mounts.AtOrBelow(Path).Reverse())
                    MountCalls.TryUnmount(mounted, lazy: mounted != Path || i > 20);
                Commands.TryRun("losetup", "-d", _device);
                if (Commands.TryRun("losetup", "-j", _file).Output.Length == 0)
                    return;
                Thread.Sleep(100);
            }
        }
    }
}
