using System.Diagnostics;
using Strata.Drivers;
using Strata.Drivers.Btrfs;

namespace Strata.Bench;

/// <summary>What the btrfs driver's differences cost, against walking both trees and against <c>btrfs send</c>.</summary>
internal static class BtrfsBench
{
    /// <summary>Applies a layer, changes one per cent of it in a writable one, and compares, pair by pair.</summary>
    internal static void Run(string work, string tar, string modify, int rounds, Action<string, string, int, TimeSpan> row)
    {
        string image = Path.Combine(work, "btrfs.img"), root = Directory.CreateDirectory(Path.Combine(work, "btrfs")).FullName;
        using (var file = File.Create(image))
            file.SetLength(8L << 30);
        BenchDisk.Run("mkfs.btrfs", "-q", image);
        BenchDisk.Run("mount", "-o", "loop" + (Environment.GetEnvironmentVariable("BTRFS_OPTIONS") is { Length: > 0 } more ? "," + more : ""), image, root);
        try
        {
            Compare(Path.Combine(root, "home"), tar, modify, rounds, row);
        }
        finally
        {
            BenchDisk.Run("umount", root);
            File.Delete(image);
        }
    }

    private static void Compare(string home, string tar, string modify, int rounds, Action<string, string, int, TimeSpan> row)
    {
        var driver = new BtrfsDriver(home, DriverOptions.None);
        var naive = new NaiveDiffDriver(driver);
        var (below, box) = (LayerId.Parse("below"), LayerId.Parse("box"));
        driver.Create(below, null);
        using (var layer = File.OpenRead(tar))
            driver.ApplyDiff(below, null, layer);
        driver.CreateReadWrite(box, below);
        Console.Error.WriteLine(BenchDisk.Run(modify, driver.Get(box), "1").Trim());
        driver.Sync();
        var expected = naive.Changes(box, below);
        for (int i = -2; i < rounds; i++) // the first ones warm up
        {
            var walked = Time(() => naive.Changes(box, below).Count == expected.Count);
            var native = Time(() => driver.Changes(box, below).SequenceEqual(expected));
            var walkedDiff = Time(() => Diff(naive));
            var nativeDiff = Time(() => Diff(driver));
            if (i < 0)
                continue;
            row("btrfs-changes-1%", "both trees walked", i, walked);
            row("btrfs-changes-1%", "strata", i, native);
            row("btrfs-diff-1%", "both trees walked", i, walkedDiff);
            row("btrfs-diff-1%", "strata", i, nativeDiff);
        }
        driver.Remove(box);
        driver.Remove(below);

        bool Diff(IDriver with)
        {
            with.Diff(box, below, Stream.Null);
            return true;
        }
    }

    private static TimeSpan Time(Func<bool> action)
    {
        long start = Stopwatch.GetTimestamp();
        bool right = action();
        var time = Stopwatch.GetElapsedTime(start);
        return right ? time : throw new InvalidOperationException("the changes differ");
    }
}
