using System.Collections.Concurrent;
using System.Diagnostics;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <summary>Mounts that several layers use: made once, taken down once, whoever dies. Needs root; a tmpfs stands for what is mounted.</summary>
public sealed class SharedMountsTests : IDisposable
{
    private static readonly LayerId Lower = LayerId.Parse("lower");
    private readonly ScratchDirectory _scratch = new();
    private readonly SharedMounts _shared;
    private int _mounted;

    public SharedMountsTests() => _shared = new SharedMounts(Home);

    private string Home => _scratch["shared"];

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_first_user_mounts_and_the_last_unmounts()
    {
        string point = _shared.Acquire(Lower, Id("a"), Mount);
        Assert.Equal(point, _shared.Acquire(Lower, Id("b"), Mount));
        Assert.Equal(point, _shared.Acquire(Lower, Id("a"), Mount));
        Assert.Equal(1, _mounted);
        Assert.Equal([Id("a"), Id("b")], _shared.UsersOf(Lower));
        Assert.True(File.Exists(Path.Combine(point, "mark")));
        _shared.Release(Lower, Id("a"));
        _shared.Release(Lower, Id("a"));
        _shared.Release(Lower, Id("stranger"));
        Assert.Equal([Id("b")], _shared.UsersOf(Lower));
        _shared.Release(Lower, Id("b"));
        AssertNothingLeft();
        _shared.Release(Lower, Id("b"));
        Assert.Empty(_shared.UsersOf(Lower));
    }

    [Fact]
    public void Layers_do_not_meet()
    {
        _shared.Acquire(Lower, Id("a"), Mount);
        _shared.Acquire(Id("other"), Id("a"), Mount);
        Assert.Equal(2, _mounted);
        _shared.Release(Lower, Id("a"));
        Assert.Equal([Id("a")], _shared.UsersOf(Id("other")));
        _shared.Release(Id("other"), Id("a"));
        AssertNothingLeft();
    }

    [Fact]
    public void A_mount_that_fails_has_no_user()
    {
        Assert.Throws<InvalidOperationException>(() => _shared.Acquire(Lower, Id("a"), _ => throw new InvalidOperationException()));
        AssertNothingLeft();
        _shared.Acquire(Lower, Id("b"), Mount);
        Assert.Equal([Id("b")], _shared.UsersOf(Lower));
        _shared.Release(Lower, Id("b"));
    }

    [Fact]
    public void After_a_restart_of_the_machine_nobody_is_a_user()
    {
        string point = _shared.Acquire(Lower, Id("a"), Mount);
        Assert.True(Mounter.Unmount(point)); // what a restart does; the file stays
        Assert.Empty(_shared.UsersOf(Lower));
        _shared.Acquire(Lower, Id("b"), Mount);
        Assert.Equal(2, _mounted);
        Assert.Equal([Id("b")], _shared.UsersOf(Lower));
        Mounter.Unmount(point);
        Assert.Equal(0, _shared.Sweep(_ => true));
        AssertNothingLeft();
    }

    [Fact]
    public void A_sweep_forgets_the_dead_and_keeps_the_living()
    {
        foreach (string user in new[] { "alive", "dead", "dead2" })
            _shared.Acquire(Lower, Id(user), Mount);
        _shared.Acquire(Id("lonely"), Id("dead"), Mount);
        Assert.Equal(1, _shared.Sweep(user => user == Id("alive")));
        Assert.Equal([Id("alive")], _shared.UsersOf(Lower));
        Assert.Empty(_shared.UsersOf(Id("lonely")));
        Assert.Equal(1, _shared.Sweep(_ => false));
        AssertNothingLeft();
    }

    [Fact]
    public void A_sweep_takes_down_what_nobody_knows()
    {
        string point = _shared.Acquire(Lower, Id("a"), Mount);
        File.Delete(Path.Combine(Home, ".users", "lower"));
        Assert.Equal(1, _shared.Sweep(_ => true));
        Assert.False(Directory.Exists(point));
        AssertNothingLeft();
    }

    [Fact]
    public void A_line_that_a_crash_cut_off_is_nobody()
    {
        _shared.Acquire(Lower, Id("a"), Mount);
        File.AppendAllText(Path.Combine(Home, ".users", "lower"), "..x");
        Assert.Equal([Id("a")], _shared.UsersOf(Lower));
        _shared.Release(Lower, Id("a"));
        AssertNothingLeft();
    }

    [Fact]
    public void Something_is_done_only_while_nobody_uses_it()
    {
        bool done = false;
        _shared.Acquire(Lower, Id("a"), Mount);
        Assert.False(_shared.IfUnused(Lower, _ => true, () => done = true));
        Assert.False(done);
        Assert.True(_shared.IfUnused(Lower, _ => false, () => done = !Mounts.AtOrBelow(Home).Any()));
        Assert.True(done);
        Assert.True(_shared.IfUnused(Lower, _ => true, () => { }));
        AssertNothingLeft();
    }

    [Fact]
    public void An_open_file_does_not_keep_the_mount_point()
    {
        string point = _shared.Acquire(Lower, Id("a"), Mount);
        using (File.OpenRead(Path.Combine(point, "mark")))
        {
            _shared.Release(Lower, Id("a"));
            AssertNothingLeft();
        }
    }

    [Fact]
    public void An_overlay_is_not_disturbed_by_the_end_of_its_lower()
    {
        string merged = _scratch.Make("merged");
        string point = _shared.Acquire(Lower, Id("a"), Mount);
        Mounter.Mount([new Mount("overlay", "overlay", "", ["ro", $"lowerdir={_scratch.Make("top")}:{point}"])], merged);
        _shared.Sweep(_ => false);
        Assert.True(File.Exists(Path.Combine(merged, "mark")));
        Mounter.Unmount(merged);
    }

    [Fact]
    public void Threads_share_one_mount()
    {
        var seen = new ConcurrentBag<bool>();
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            for (int i = 0; i < 25; i++)
            {
                var user = Id($"user-{worker}-{i}");
                string point = _shared.Acquire(Lower, user, Mount);
                seen.Add(File.Exists(Path.Combine(point, "mark")));
                if (i % 5 == 0)
                    _shared.Sweep(_ => true);
                _shared.Release(Lower, user);
            }
        });
        Assert.Equal(200, seen.Count(there => there));
        AssertNothingLeft();
    }

    [Fact]
    public void Processes_share_one_mount_and_the_dead_are_swept()
    {
        _shared.Acquire(Lower, Id("here"), Mount);
        Process[] children = [.. Enumerable.Range(0, 3).Select(i => Child.Start("shared-use", Home, $"child{i}"))];
        foreach (var child in children)
            Child.End(child);
        Assert.Equal([Id("here")], _shared.UsersOf(Lower));
        Child.End(Child.Start("shared-die", Home, "dead"));
        Assert.Equal([Id("here"), Id("dead")], _shared.UsersOf(Lower));
        _shared.Release(Lower, Id("here"));
        Assert.Single(Mounts.AtOrBelow(Home));
        Assert.Equal(1, _shared.Sweep(_ => false));
        AssertNothingLeft();
    }

    [Fact]
    public async Task Who_is_just_mounting_is_alive_to_a_sweep()
    {
        var counter = new MountCounter(_scratch["counts"]);
        string merged = _scratch.Make("merged");
        using var acquired = new ManualResetEventSlim();
        using var swept = new ManualResetEventSlim();
        var other = Task.Run(() => counter.Acquire(Id("a"), merged, () =>
        {
            string point = _shared.Acquire(Lower, Id("a"), Mount);
            acquired.Set();
            swept.Wait();
            Mounter.Mount([new Mount("bind", point, "", ["rbind", "rw"])], merged);
        }));
        acquired.Wait(TestContext.Current.CancellationToken);
        Assert.Equal(0, _shared.Sweep(user => counter.IsInUse(user, merged)));
        swept.Set();
        await other;
        Assert.Equal(0, _shared.Sweep(user => counter.IsInUse(user, merged)));
        Assert.True(File.Exists(Path.Combine(merged, "mark")));
        Mounter.Unmount(merged); // it died without a word
        Assert.Equal(1, _shared.Sweep(user => counter.IsInUse(user, merged)));
        AssertNothingLeft();
    }

    /// <summary>Mounts a tmpfs with a file in it.</summary>
    internal static void MountMarked(string point)
    {
        Mounter.Mount([new Mount("tmpfs", "tmpfs", "", ["size=64k"])], point);
        File.WriteAllText(Path.Combine(point, "mark"), "");
    }

    private static LayerId Id(string text) => LayerId.Parse(text);

    private void Mount(string point)
    {
        Interlocked.Increment(ref _mounted);
        MountMarked(point);
    }

    private void AssertNothingLeft()
    {
        Assert.Empty(Mounts.AtOrBelow(Home));
        Assert.Empty(Directory.EnumerateFiles(Home, "*", SearchOption.AllDirectories));
        Assert.Equal([Path.Combine(Home, ".users")], Directory.GetDirectories(Home));
    }
}
