using System.Diagnostics;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>Many layers, many threads, many processes.</content>
public abstract partial class DriverSuite
{
    /// <summary>A copy at each layer meets no limit of the kernel, and the naive differ is not about depth; only what stacks is taken further.</summary>
    [Fact]
    public void Deep_layers_are_read()
    {
        int[] depths = Rig.Kind is not ("overlay" or "erofs") ? [128] : FileSystem.Type switch
        {
            "ext4" => [128, 500, 900],
            "tmpfs" => [520], // past what overlayfs stacks
            "xfs" => [500],
            _ => [128],
        };
        foreach (int depth in depths)
            ReadDeepLayers(depth);
    }

    private void ReadDeepLayers(int count)
    {
        var parent = Rig.Make("layer-0", null, s =>
        {
            s.Dir("d").File("d/below", "base", 0x9ED, 5, 6).Dir("gone").File("gone/x", "1").Dir("opaque").File("opaque/old", "2").Symlink("type", "d");
            s.File("linked", "l").Link("d/linked", "linked").Xattr("d", "user.d", 1);
        });
        for (int i = 1; i < count; i++)
        {
            var tar = new TarBuilder().File($"layer-{i}", $"content {i}").File("top", $"{i}");
            if (i % 7 == 0)
                tar.Whiteout($"layer-{i - 3}");
            if (i == 10)
                tar.Whiteout("gone");
            if (i == 20)
                tar.Dir("opaque", 0x1C0).Opaque("opaque").File("opaque/new", "3");
            if (i == 30)
                tar.File("type", "now a file");
            if (i == 40)
                tar.Dir("d", 0x1F8, 1, 2).Xattr("user.d", 2).Dir("d").File("d/mid", "m");
            if (i == 120)
                tar.Whiteout("d/below").Dir("gone").File("gone/again", "4");
            parent = Rig.Apply($"layer-{i}", parent, tar);
        }
        var top = Rig.Make("top", parent, s => s.File("top", "written", 0x1A4).Remove("d/mid"));
        var lines = Rig.Dump(top).Split('\n');
        var expected = Enumerable.Range(1, count - 1).Where(i => !((i + 3) % 7 == 0 && i + 3 < count)).Select(i => $"/layer-{i}");
        Assert.Equal(expected.Order(StringComparer.Ordinal), lines.Select(l => l.Split(' ')[0]).Where(p => p.StartsWith("/layer-", StringComparison.Ordinal)));
        Assert.Contains(lines, l => l.StartsWith("/d d 0755 0:0 ", StringComparison.Ordinal) && !l.Contains("user.d=0x01", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("/d/linked f ", StringComparison.Ordinal));
        Assert.Contains("/linked =/d/linked", lines);
        Assert.DoesNotContain(lines, l => l.StartsWith("/d/below", StringComparison.Ordinal) || l.StartsWith("/d/mid", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.StartsWith("/gone/x", StringComparison.Ordinal) || l.StartsWith("/opaque/old", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("/gone/again f", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("/opaque d 0700 ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("/opaque/new f", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("/type f ", StringComparison.Ordinal));
        Assert.Equal(["C /d", "D /d/mid", "C /top"], Rig.Changes(top, parent));
        Assert.Equal("written", Rig.Use(top, root => File.ReadAllText(Path.Combine(root, "top"))));
        // The scene gave all directories a new time, which is no change of a directory: compared without.
        Driver.Create(Id("elsewhere"), parent);
        Driver.ApplyDiff(Id("elsewhere"), parent, new MemoryStream(Rig.Diff(top, parent)));
        Assert.Empty(ExpectedChanges.Between(Rig.Dump(top), Rig.Dump(Id("elsewhere"))));
        // What was made to get there goes with the layers.
        for (int i = count - 1; i >= 0; i--)
        {
            if (i == count - 1)
            {
                Driver.Remove(Id("elsewhere"));
                Driver.Remove(top);
            }
            Driver.Remove(Id($"layer-{i}"));
        }
        Assert.Empty(Driver.List());
    }

    [Fact]
    public void Sixteen_threads_get_and_put()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "content"));
        Driver.CreateReadWrite(Id("child"), parent);
        InThreads(16, thread =>
        {
            for (int i = 0; i < 25; i++)
            {
                string root = Driver.Get(Id("child"));
                Assert.Equal("content", File.ReadAllText(Path.Combine(root, "f")));
                if (i % 5 == 0)
                    File.WriteAllText(Path.Combine(root, $"thread-{thread}-{i}"), "x");
                Driver.Put(Id("child"));
            }
        });
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        Assert.Equal(16 * 5, Rig.Changes(Id("child"), parent).Length);
    }

    [Fact]
    public void Eight_threads_make_and_remove_layers()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "content"));
        InThreads(8, thread =>
        {
            for (int i = 0; i < 6; i++)
            {
                var id = Rig.Make($"child-{thread}-{i}", parent, s => s.File($"mine-{thread}"));
                Assert.Equal([$"A /mine-{thread}"], Rig.Changes(id, parent));
                if (i % 2 == 0)
                    Driver.Remove(id);
            }
        });
        Assert.Equal(1 + (8 * 3), Driver.List().Count);
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
    }

    [Fact]
    public void One_of_many_threads_creates_an_id()
    {
        int made = 0;
        InThreads(8, _ =>
        {
            try
            {
                Driver.Create(Id("wanted"), null);
                Interlocked.Increment(ref made);
            }
            catch (StrataException e) when (e.Kind == ErrorKind.AlreadyExists)
            {
                // another thread was first: what the losers must be told
            }
        });
        Assert.Equal(1, made);
        Assert.Single(Driver.List());
        Driver.Remove(Id("wanted"));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(Rig.Home, "*", SearchOption.AllDirectories), File.Exists);
    }

    [Fact]
    public void Four_processes_get_and_put()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "content"));
        Driver.CreateReadWrite(Id("child"), parent);
        var processes = Enumerable.Range(0, 4).Select(n => Child.Start("get-put", Rig.Kind, Rig.Home, "child", "f", $"process-{n}")).ToArray();
        foreach (var process in processes)
            Child.End(process);
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        Assert.Equal(["A /process-0", "A /process-1", "A /process-2", "A /process-3"], Rig.Changes(Id("child"), parent));
    }

    [Fact]
    public void Mount_of_a_process_that_died_is_found_again()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "content"));
        Driver.CreateReadWrite(Id("child"), parent);
        Process process = Child.Start("get-and-die", Rig.Kind, Rig.Home, "child");
        process.WaitForExit();
        string root = Driver.Get(Id("child"));
        Assert.True(Mounts.AtOrBelow(Rig.Home).Count <= 1);
        Assert.Equal("content", File.ReadAllText(Path.Combine(root, "f")));
        Driver.Put(Id("child"));
        Driver.Put(Id("child")); // the dead process's
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
    }

    private static void InThreads(int count, Action<int> run)
    {
        Exception? error = null;
        var threads = Enumerable.Range(0, count).Select(n => new Thread(() =>
        {
            try
            {
                run(n);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref error, e, null);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        if (error is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
    }
}
