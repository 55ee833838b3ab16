using System.Globalization;
using Strata.Store;
using Strata.Testing;

namespace Strata.Durability.Tests;

/// <summary>Twenty processes on one store, some of them killed: it is whole afterwards. STRATA_TEST_STRESS_SECONDS says for how long, all drivers together.</summary>
public sealed class StressTests(ITestOutputHelper output)
{
    private const int Processes = 20;

    private static readonly double Seconds =
        double.TryParse(Environment.GetEnvironmentVariable("STRATA_TEST_STRESS_SECONDS"), CultureInfo.InvariantCulture, out double asked) ? asked : 18;

    [Theory, InlineData("overlay"), InlineData("erofs"), InlineData("vfs")]
    public void Twenty_processes_and_kills_leave_a_whole_store(string driver)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it mounts");
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        int seed = Random.Shared.Next(10_000);
        using var traffic = new Traffic(root, driver, scratch, seed);
        foreach (var (_, file) in traffic.All)
            Command.Run(root, driver, ["load", file]);
        var expected = TreesOf(root, driver);
        var random = new Random(seed);
        traffic.Start(Processes);
        for (var until = DateTime.UtcNow.AddSeconds(Seconds / 3); DateTime.UtcNow < until;)
        {
            Thread.Sleep(random.Next(100, 900)); // they take a second to start
            traffic.KillOne(random);
        }
        traffic.Stop();
        output.WriteLine($"{driver}, seed {seed}: {traffic.Summary}");
        Assert.True(traffic.Bad.Count == 0, string.Join('\n', traffic.Bad.Take(10)));

        UnmountAll(root, driver);
        Command.Run(root, driver, ["gc"]);
        new WholeStore(root, driver).Look($"after the traffic, seed {seed}", killed: true);
        // What is there is what was loaded; what was removed can be loaded again; every image mounts with the right content, and goes.
        foreach (var (name, tree) in TreesOf(root, driver).Where(t => expected.ContainsKey(t.Key)))
            Assert.Equal(expected[name], tree);
        foreach (var (name, file) in traffic.All)
        {
            Command.Run(root, driver, ["load", file]);
            Command.Run(root, driver, ["create", "last", name]);
            using (var store = Command.Open(root, driver))
            {
                string path = store.Mount("last");
                Assert.Equal(name, File.ReadAllText(Path.Combine(path, "own", "number")));
                Assert.False(File.Exists(Path.Combine(path, "etc", "b")));
                store.Unmount("last");
            }
            Command.Run(root, driver, ["rm", "last"]);
        }
        Assert.Equal(expected, TreesOf(root, driver).Where(t => expected.ContainsKey(t.Key)).ToDictionary());
        RemoveAll(root, driver);
        Command.Run(root, driver, ["gc"]);
        Assert.StartsWith("layers", new WholeStore(root, driver).Look("at the end").TrimEnd(), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(root, "blobs", "sha256")));
    }

    internal static Dictionary<string, string> TreesOf(string root, string driver)
    {
        using var store = Command.Open(root, driver);
        return store.ListImages().SelectMany(i => i.Names, (i, name) => (name, WholeStore.HashOf(stream => store.Export(i.TopLayer!.Value, stream)))).ToDictionary();
    }

    private static void UnmountAll(string root, string driver)
    {
        using var store = Command.Open(root, driver);
        foreach (var box in store.ListWritable())
        {
            while (store.FindMountPoint(box) is not null)
                store.Unmount(box.Name);
        }
    }

    private static void RemoveAll(string root, string driver)
    {
        using var store = Command.Open(root, driver);
        foreach (var box in store.ListWritable())
            store.RemoveWritable(box.Name);
        foreach (var image in store.ListImages())
            store.RemoveImage(image.Manifest);
    }
}
