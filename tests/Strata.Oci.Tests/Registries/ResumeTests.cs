using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>A pull that did not end is gone on with by the next one, of another process.</summary>
public sealed class ResumeTests : IClassFixture<DebianRegistry>
{
    private const int Kept = 700_000; // what came last is kept in pieces of 32 KB and more
    private const int Least = Kept - (160 * 1024);
    private static readonly TestImage _image = RegistryRig.Image(70, layers: 2, bytes: 1_500_000);
    private readonly DebianRegistry _registry;

    public ResumeTests(DebianRegistry registry)
    {
        _registry = registry;
        registry.Put(_image, "image", "1");
    }

    private static bool IsLayer(Seen seen) => seen.Method == "GET" && _image.Blobs.Any(b => seen.Path.EndsWith(TestImage.HexOf(b), StringComparison.Ordinal));

    [Fact]
    public async Task A_pull_that_was_ended_is_gone_on_with_where_it_was_and_leaves_nothing()
    {
        using var rig = new RegistryRig("erofs");
        using var slow = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { StallAfter = Kept } : null);
        await EndInTheMiddleAsync(rig, slow.Host);
        string[] parts = Directory.GetFiles(Path.Combine(rig.Store.Root, "partial"));
        Assert.Equal(2, parts.Length);
        Assert.All(parts, part => Assert.InRange(new FileInfo(part).Length, Least, Kept));
        rig.Oci.AssertEmpty();
        rig.Store.Collect(); // they are young

        using var proxy = new FaultyProxy(_registry.Port, _ => null);
        rig.Options = rig.Options with { FastBytesPerSecond = long.MaxValue };
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
        Assert.All(proxy.Requests.Where(IsLayer), request => Assert.InRange(int.Parse(request.Header("Range")!["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture), Least, Kept));
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Store.Root, "partial")));
    }

    [Fact]
    public async Task A_pull_that_was_killed_is_gone_on_with_by_the_next_command()
    {
        using var rig = new RegistryRig("erofs");
        string partial = Path.Combine(rig.Store.Root, "partial");
        string[] arguments = ["--root", rig.Store.Root, "--driver", "erofs", "--registries", rig["registries.json"], "--authfile", rig["auth.json"]];
        using (var slow = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { StallAfter = Kept } : null))
        using (var pull = StrataProgram.Start(["pull", $"{slow.Host}/image:1", .. arguments]))
        {
            await UntilKeptAsync(partial, Kept, () => pull.HasExited);
            pull.Kill(); // SIGKILL
            await pull.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(137, pull.ExitCode);
        }
        string[] parts = Directory.GetFiles(partial);
        Assert.Equal(2, parts.Length);
        Assert.All(parts, part => Assert.InRange(new FileInfo(part).Length, Least, Kept));

        using var proxy = new FaultyProxy(_registry.Port, _ => null);
        using var again = StrataProgram.Start(["pull", $"{proxy.Host}/image:1", .. arguments]);
        var error = again.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await again.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(again.ExitCode == 0, await error);
        Assert.All(proxy.Requests.Where(IsLayer), request => Assert.InRange(int.Parse(request.Header("Range")!["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture), Least, Kept));
        rig.AssertIs(_image, Assert.Single(rig.Store.ListImages()));
        foreach (string directory in new[] { partial, Path.Combine(rig.Store.Root, "leases") })
            Assert.Empty(Directory.GetFiles(directory));
        Assert.Equal(2, Directory.GetDirectories(Path.Combine(rig.Store.Root, "erofs")).Count(path => Path.GetFileName(path).Length == 64));
    }

    [Fact]
    public async Task What_was_kept_and_is_damaged_is_thrown_away_and_fetched_anew()
    {
        using var rig = new RegistryRig("erofs");
        using var slow = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { StallAfter = Kept } : null);
        await EndInTheMiddleAsync(rig, slow.Host);
        foreach (string part in Directory.GetFiles(Path.Combine(rig.Store.Root, "partial")))
        {
            using var file = File.OpenWrite(part);
            file.Position = Kept / 2;
            file.Write(new byte[4096]); // a power cut
        }
        using var proxy = new FaultyProxy(_registry.Port, _ => null);
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
        Assert.Equal(2, proxy.Requests.Where(IsLayer).Count(r => r.Header("Range") is null));
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Store.Root, "partial")));
    }

    [Fact]
    public async Task What_nobody_comes_back_for_is_collected_and_what_comes_fast_is_not_kept()
    {
        using var rig = new RegistryRig("erofs");
        using var slow = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { StallAfter = Kept } : null);
        await EndInTheMiddleAsync(rig, slow.Host);
        foreach (string part in Directory.GetFiles(Path.Combine(rig.Store.Root, "partial")))
            File.SetLastWriteTimeUtc(part, DateTime.UtcNow.AddDays(-4));
        Assert.Equal(2, rig.Store.Collect(new Store.CollectOptions { DryRun = true }).Leftovers.Count);
        Assert.Equal(2, rig.Store.Collect().Leftovers.Count);
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Store.Root, "partial")));
        using var fast = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { StallAfter = 1_400_000 } : null);
        rig.Options = rig.Options with { FastBytesPerSecond = 1 };
        await EndInTheMiddleAsync(rig, fast.Host, kept: 0);
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Store.Root, "partial")));
    }

    /// <summary>Ends a pull when so much of each layer is kept.</summary>
    private static async Task EndInTheMiddleAsync(RegistryRig rig, string host, int kept = Kept)
    {
        using var end = new CancellationTokenSource();
        var pull = new ImagePuller(rig.Store, rig.Options).PullAsync($"{host}/image:1", null, end.Token);
        await UntilKeptAsync(Path.Combine(rig.Store.Root, "partial"), kept, () => pull.IsCompleted);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
    }

    private static async Task UntilKeptAsync(string partial, int kept, Func<bool> hasEnded)
    {
        for (int i = 0; i < 1000 && !hasEnded(); i++)
        {
            var lengths = Directory.Exists(partial) ? Directory.GetFiles(partial).Select(path => new FileInfo(path).Length).ToArray() : [-1];
            if (kept == 0 ? lengths.Length == 0 : lengths.Length == 2 && lengths.All(length => length >= Least))
                break;
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
