using System.Diagnostics;
using System.Globalization;
using Strata;
using Strata.Bench;
using Strata.Linux;
using Strata.Oci;
using Strata.Store;
using Strata.Trees;

// In-process comparisons, interleaved pair by pair. Prints rows of summary.py: test, peer, round, wall s, user s, system s, peak KB, 0, 0, exit code.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["container", var root, var image, var count]:
        Container(root, image, int.Parse(count));
        return 0;
    case ["depth", var root, var deep, var flat, var count]:
        Depth(root, deep, flat, int.Parse(count));
        return 0;
    case ["idmap", var root, var image, var count]:
        IdMapBench.Run(root, image, int.Parse(count), Row);
        return 0;
    case ["naive", var before, var now, var rounds]:
        Naive(before, now, int.Parse(rounds));
        return 0;
    case ["start", var program, var runs]:
        Start(program, int.Parse(runs));
        return 0;
    case ["erofs", var work, var rounds, .. var what]:
        ErofsBench.Run(work, int.Parse(rounds), what is [var one] ? one : "all");
        return 0;
    case ["btrfs", var work, var tar, var modify, var rounds]:
        BtrfsBench.Run(work, tar, modify, int.Parse(rounds), Row);
        return 0;
    case ["scale-fill", var root, var driver, var images]:
        ScaleBench.Fill(root, driver, int.Parse(images));
        return 0;
    case ["scale-list", var root, var driver, var rounds]:
        ScaleBench.List(root, driver, int.Parse(rounds), Row);
        return 0;
    case ["fill", var socket, var snapshotter, var there]:
        await SnapshotBench.FillAsync(socket, snapshotter, int.Parse(there));
        return 0;
    case ["snapshots", var socket, var snapshotter, var clients, var turns, var round]:
        await SnapshotBench.RunAsync(socket, snapshotter, int.Parse(clients), int.Parse(turns), int.Parse(round), Row);
        return 0;
    case ["unpack", var socket, var layout, var atOnce]:
        await ImportBench.UnpackAsync(socket, layout, int.Parse(atOnce));
        return 0;
    case ["answer", var socket, var runs, var program, .. var arguments]:
        await SnapshotBench.StartAsync(socket, int.Parse(runs), program, arguments);
        return 0;
    default:
        Console.Error.WriteLine("usage: Strata.Bench fill SOCKET SNAPSHOTTER THERE | snapshots SOCKET SNAPSHOTTER CLIENTS TURNS ROUND | answer SOCKET RUNS STRATAD ARGUMENTS | unpack SOCKET LAYOUT AT-ONCE | container ROOT IMAGE N | idmap ROOT IMAGE N | depth ROOT DEEP FLAT N | naive OLD NEW ROUNDS | start PROGRAM N | btrfs WORKDIR LAYER.tar MODIFY ROUNDS | scale-fill ROOT DRIVER IMAGES | scale-list ROOT DRIVER ROUNDS | erofs WORKDIR ROUNDS [mounts|lookups|caches]");
        return 2;
}

static void Row(string test, string peer, int round, TimeSpan wall) =>
    Console.Out.WriteLine($"{test}\t{peer}\t{round}\t{wall.TotalSeconds:F6}\t0\t0\t{Process.GetCurrentProcess().PeakWorkingSet64 / 1024}\t0\t0\t0");

// The life of a writable layer through the driver, against the bare calls over the same lower directories.
static void Container(string root, string imageName, int count)
{
    using var store = Store.Open(new StoreOptions { Root = root });
    var image = ImageNames.Get(store, imageName);
    var parent = store.FindLayer(image.TopLayer!.Value)!.DriverId;
    var driver = store.Driver;
    var probe = LayerId.New();
    driver.CreateReadWrite(probe, parent);
    string lower = driver.GetMounts(probe, default)[0].Options.First(o => o.StartsWith("lowerdir=", StringComparison.Ordinal));
    driver.Remove(probe);
    string bare = Path.Combine(root, "bare");
    for (int i = -20; i < count; i++) // the first ones warm up
    {
        long start = Stopwatch.GetTimestamp();
        Directory.CreateDirectory(Path.Combine(bare, "u"));
        Directory.CreateDirectory(Path.Combine(bare, "w"));
        Directory.CreateDirectory(Path.Combine(bare, "m"));
        var errno = MountCalls.TryMount("overlay", Path.Combine(bare, "m"), "overlay", 0, $"{lower},upperdir={bare}/u,workdir={bare}/w");
        if (errno != Errno.None)
            throw new LinuxException(errno, "mount");
        MountCalls.TryUnmount(Path.Combine(bare, "m"), lazy: false);
        Directory.Delete(Path.Combine(bare, "w", "work"));
        Directory.Delete(Path.Combine(bare, "w"));
        Directory.Delete(Path.Combine(bare, "u"));
        Directory.Delete(Path.Combine(bare, "m"));
        Directory.Delete(bare);
        var bareTime = Stopwatch.GetElapsedTime(start);

        start = Stopwatch.GetTimestamp();
        var id = LayerId.New();
        driver.CreateReadWrite(id, parent);
        driver.Get(id);
        driver.Put(id);
        driver.Remove(id);
        var ours = Stopwatch.GetElapsedTime(start);
        if (i < 0)
            continue;
        Row("container-15-layers", "mkdir, mount, umount, rmdir", i, bareTime);
        Row("container-15-layers", "strata", i, ours);
    }
}

// The same life over an image of many layers and over one of few.
static void Depth(string root, string deepName, string flatName, int count)
{
    using var store = Store.Open(new StoreOptions { Root = root });
    var driver = store.Driver;
    var images = new[] { deepName, flatName }.Select(name => (Name: name, Parent: store.FindLayer(ImageNames.Get(store, name).TopLayer!.Value)!.DriverId)).ToArray();
    for (int i = -20; i < count; i++) // the first ones warm up
    {
        foreach (var (name, parent) in images)
        {
            long start = Stopwatch.GetTimestamp();
            var id = LayerId.New();
            driver.CreateReadWrite(id, parent);
            driver.Get(id);
            driver.Put(id);
            driver.Remove(id);
            if (i >= 0)
                Row("life-by-depth", name, i, Stopwatch.GetElapsedTime(start));
        }
    }
}

static void Naive(string before, string now, int rounds)
{
    for (int i = -1; i < rounds; i++)
    {
        long start = Stopwatch.GetTimestamp();
        using (var find = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"find '{before}' '{now}' -printf '%P %m %U %G %s %T@\\n' > /dev/null"]))!)
            find.WaitForExit();
        var findTime = Stopwatch.GetElapsedTime(start);
        start = Stopwatch.GetTimestamp();
        int changes = 0;
        using (var a = RootDirectory.Open(before))
        using (var b = RootDirectory.Open(now))
        {
            foreach (var _ in new TreeComparer(a, b).Compare())
                changes++;
        }
        var ours = Stopwatch.GetElapsedTime(start);
        Console.Error.WriteLine($"{changes} changes");
        if (i < 0)
            continue;
        Row("naive-diff", "find -printf", i, findTime);
        Row("naive-diff", "strata", i, ours);
    }
}

static void Start(string program, int runs)
{
    for (int i = -5; i < runs; i++)
    {
        var idle = Time("/bin/true");
        var ours = Time(program);
        if (i < 0)
            continue;
        Row("start", "true", i, idle);
        Row("start", "strata --version", i, ours);
    }

    static TimeSpan Time(string program)
    {
        long start = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo(program, ["--version"]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return Stopwatch.GetElapsedTime(start);
    }
}
