using System.Diagnostics;
using System.Globalization;
using Strata.Drivers;
using Strata.Formats.Erofs;
using Strata.Linux;
using Strata.Trees;

namespace Strata.Bench;

/// <summary>How EROFS layers are best mounted: many stacked or one merged, what lookups cost, what is cached twice. Prints tables of medians.</summary>
internal static class ErofsBench
{
    private const int Names = 10_000;
    private static readonly int[] Depths = [1, 10, 50, 120, 400];
    private static readonly byte[] Buffer = new byte[1 << 20];
    private static readonly string[] Kinds = ["merged", "stacked", "unpacked"];

    internal static void Run(string work, int rounds, string what)
    {
        ProcessCalls.RaiseOpenFileLimit();
        using var disk = new BenchDisk(work, 8);
        if (what is "mounts" or "all")
            Mounts(disk, rounds * 5);
        if (what is "lookups" or "all")
            Lookups(disk, rounds);
        if (what is "caches" or "all")
            Caches(disk, rounds);
    }

    private static void Mounts(BenchDisk disk, int rounds)
    {
        var samples = new Samples();
        string point = Directory.CreateDirectory(Path.Combine(disk.Root, "point")).FullName;
        foreach (int depth in Depths)
        {
            var layers = new ErofsLayers(disk.Root, depth);
            var shared = new SharedMounts(Path.Combine(disk.Root, "shared"));
            var (image, first, user) = (LayerId.Parse("image"), LayerId.Parse("first"), LayerId.Parse("user"));
            void MountMerged(string at) => Mounter.Mount([layers.Merged], at);
            shared.Acquire(image, first, MountMerged);
            for (int round = -2; round < rounds; round++)
            {
                foreach (string kind in Kinds.Append("merged, mounted already"))
                {
                    bool isShared = kind.EndsWith("already", StringComparison.Ordinal);
                    long start = Stopwatch.GetTimestamp();
                    var lowers = isShared ? [RootDirectory.Open(shared.Acquire(image, user, MountMerged))] : Open(layers, kind);
                    double lowersTime = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                    start = Stopwatch.GetTimestamp();
                    Mounter.Mount(WritableOverlay(disk), point, lowers);
                    double overlayTime = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                    foreach (var lower in lowers)
                        lower.Dispose();
                    start = Stopwatch.GetTimestamp();
                    Mounter.Unmount(point);
                    if (isShared)
                        shared.Release(image, user);
                    double unmountTime = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                    if (round < 0)
                        continue;
                    string row = string.Create(CultureInfo.InvariantCulture, $"{depth} {kind}");
                    samples.Add(row, "open or mount lowers ms", lowersTime);
                    samples.Add(row, "overlay ms", overlayTime);
                    samples.Add(row, "together ms", lowersTime + overlayTime);
                    samples.Add(row, "unmount ms", unmountTime);
                }
            }
            shared.Release(image, first);
        }
        samples.Print("Mounts: lower layers detached, a writable overlay over them");
    }

    private static void Lookups(BenchDisk disk, int rounds)
    {
        var samples = new Samples();
        byte[][] missing = ErofsLayers.Missing(Names);
        foreach (int depth in Depths)
        {
            byte[][] existing = new ErofsLayers(disk.Root, depth).Existing(Names);
            for (int round = 0; round < rounds; round++)
            {
                foreach (string kind in Kinds)
                {
                    string row = string.Create(CultureInfo.InvariantCulture, $"{depth} {kind}");
                    OnCold(disk, depth, kind, point =>
                    {
                        samples.Add(row, "stat there, cold ms", Stat(point, existing, Errno.None));
                        samples.Add(row, "warm ms", Stat(point, existing, Errno.None));
                        samples.Add(row, "stat missing, first ms", Stat(point, missing, Errno.ENOENT));
                        samples.Add(row, "again ms", Stat(point, missing, Errno.ENOENT));
                    });
                    OnCold(disk, depth, kind, point =>
                    {
                        samples.Add(row, "find cold ms", Time(() => BenchDisk.Run("find", point, "-printf", "%P %m %U %G %s %T@\n")));
                        samples.Add(row, "find warm ms", Time(() => BenchDisk.Run("find", point, "-printf", "%P %m %U %G %s %T@\n")));
                        samples.Add(row, "read all ms", Time(() => BenchDisk.Run("tar", "-cf", "-", "-C", point, ".")));
                    });
                }
            }
        }
        samples.Print(string.Create(CultureInfo.InvariantCulture, $"Lookups of {Names} names through an overlay"));
    }

    private static void Caches(BenchDisk disk, int rounds)
    {
        const int total = 100 << 20;
        int[] sizes = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, total];
        string point = Directory.CreateDirectory(Path.Combine(disk.Root, "point")).FullName;
        string second = Directory.CreateDirectory(Path.Combine(disk.Root, "second")).FullName;
        foreach (int size in sizes)
            WriteCacheInputs(disk, size, total / size);
        var samples = new Samples();
        for (int round = 0; round < rounds; round++)
        {
            foreach (int size in sizes)
            {
                string row = string.Create(CultureInfo.InvariantCulture, $"{total / size} files of {size >> 10} KB");
                var (tar, image, tree) = CacheInputs(disk, size);
                foreach (string option in new[] { "default", "directio" })
                {
                    string[] options = ["ro", "device=" + tar];
                    var mount = new Mount("erofs", image, "", option == "directio" ? [.. options, option] : options);
                    disk.Cool();
                    Mounter.Mount([mount], point);
                    samples.Add($"{row}, {option}", "read cold ms", ReadAll(point));
                    samples.Add($"{row}, {option}", "cached of the tar MB", Cached([tar]));
                    samples.Add($"{row}, {option}", "of the files MB", Cached(Directory.GetFiles(point)));
                    samples.Add($"{row}, {option}", "read warm ms", ReadAll(point));
                    Mounter.Mount([mount], second);
                    samples.Add($"{row}, {option}", "second mount: read ms", ReadAll(second));
                    samples.Add($"{row}, {option}", "cached of its files MB", Cached(Directory.GetFiles(second)));
                    Mounter.Unmount(second);
                    samples.Add($"{row}, {option}", "unmount ms", Time(() => Mounter.Unmount(point)));
                }
                disk.Cool();
                samples.Add($"{row}, ext4", "read cold ms", ReadAll(tree));
                samples.Add($"{row}, ext4", "of the files MB", Cached(Directory.GetFiles(tree)));
                samples.Add($"{row}, ext4", "read warm ms", ReadAll(tree));
            }
        }
        samples.Print("Reading 100 MB, and what is in the page cache then");
    }

    private static (string Tar, string Image, string Tree) CacheInputs(BenchDisk disk, int size)
    {
        string name = Path.Combine(disk.Root, string.Create(CultureInfo.InvariantCulture, $"cache{size}"));
        return (name + ".tar", name + ".erofs", name + ".tree");
    }

    private static void WriteCacheInputs(BenchDisk disk, int size, int count)
    {
        var (tar, image, tree) = CacheInputs(disk, size);
        if (File.Exists(tar))
            return;
        byte[] noise = new byte[size];
        Random.Shared.NextBytes(noise);
        Directory.CreateDirectory(tree);
        using (var device = File.Create(tar))
        {
            for (int i = 0; i < count; i++)
            {
                device.Position += 512; // a header
                device.Write(noise);
                File.WriteAllBytes(Path.Combine(tree, Name(i)), noise);
            }
        }
        using var output = new FileStream(image, FileMode.Create, FileAccess.ReadWrite);
        var writer = new ErofsImageWriter(output, new ErofsWriterOptions { Devices = 1 });
        ErofsChild[] children = [.. Enumerable.Range(0, count).Select(i => new ErofsChild(
            System.Text.Encoding.ASCII.GetBytes(Name(i)), writer.AddFile(Attributes, size, 1, (i * (size + 512L)) + 512), EntryKind.RegularFile))];
        var root = writer.PlanDirectory(Attributes, children.Length, children.Sum(c => (long)c.Name.Length));
        writer.WriteDirectory(root, root, 2, children);
        writer.SetDeviceBytes(1, count * (size + 512L), default);
        writer.Complete(root);

        static string Name(int i) => i.ToString("00000", CultureInfo.InvariantCulture);
    }

    private static ErofsAttributes Attributes => new(0x1ED, 0, 0, default, []);

    private static IReadOnlyList<RootDirectory> Open(ErofsLayers layers, string kind) => kind switch
    {
        "merged" => [Mounter.MountDetached(layers.Merged)],
        "stacked" => [.. layers.Stacked.Select(mount => Mounter.MountDetached(mount))],
        _ => [.. layers.Unpacked.Select(RootDirectory.Open)],
    };

    private static Mount WritableOverlay(BenchDisk disk)
    {
        string upper = Directory.CreateDirectory(Path.Combine(disk.Root, "upper")).FullName;
        string work = Directory.CreateDirectory(Path.Combine(disk.Root, "work")).FullName;
        return new Mount("overlay", "overlay", "", ["index=off", "metacopy=off", "upperdir=" + upper, "workdir=" + work]);
    }

    private static void OnCold(BenchDisk disk, int depth, string kind, Action<string> measure)
    {
        disk.Cool();
        var lowers = Open(new ErofsLayers(disk.Root, depth), kind);
        string point = Directory.CreateDirectory(Path.Combine(disk.Root, "point")).FullName;
        Mounter.Mount(WritableOverlay(disk), point, lowers);
        foreach (var lower in lowers)
            lower.Dispose();
        measure(point);
        Mounter.Unmount(point);
    }

    private static double Stat(string point, byte[][] names, Errno expected)
    {
        using var root = RootDirectory.Open(point);
        return Time(() =>
        {
            foreach (byte[] name in names)
            {
                var errno = AttributeCalls.TryStat(root.File.Number, name, out _);
                if (errno != expected)
                    throw new LinuxException(errno, "statx", System.Text.Encoding.ASCII.GetString(name));
            }
        });
    }

    private static double ReadAll(string directory)
    {
        string[] files = Directory.GetFiles(directory);
        Array.Sort(files, StringComparer.Ordinal);
        return Time(() =>
        {
            foreach (string file in files)
                Read(file);
        });
    }

    private static void Read(string path)
    {
        Span<byte> buffer = Buffer;
        using var file = FileCalls.Open(path, OpenFlags.ReadOnly);
        while (FileCalls.Read(file, buffer) > 0)
        {
        }
    }

    private static double Cached(string[] files)
    {
        double sum = 0;
        foreach (string path in files)
        {
            using var file = FileCalls.Open(path, OpenFlags.ReadOnly);
            sum += BenchDisk.CachedMegabytes(file);
        }
        return sum;
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
