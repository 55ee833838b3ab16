using System.Globalization;
using Strata.Linux;
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
