using Strata.Oci;
using Strata.Store;
using Strata.Testing;

namespace Strata.Daemon.Tests.Docker;

/// <summary>dockerd and its client from Debian's package against stratad as a process.</summary>
public sealed class DockerTests
{
    private const string Image = "test:1";

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    [InlineData("btrfs")]
    [InlineData("vfs")]
    public async Task Images_are_loaded_run_changed_committed_built_saved_and_removed(string driver)
    {
        DockerRig.Require();
        using var rig = new DockerRig(driver);
        var image = RunnableImage.Make("none");
        string archive = image.ToDockerArchive(Image).WriteTar(rig.Scratch["image.tar"]);
        var mine = LoadBesides(rig, archive);
        rig.Docker("load", "-i", archive);
        Assert.Equal(3, CountLayers(rig)); // those of the other process, shared
        Assert.Equal("one two new 1000:1001\n", rig.Run(Image, "echo $(cat /etc/one /etc/two) $(ls /opaque) $(stat -c %u:%g /etc/owned); ! ls /etc/gone 2>/dev/null"));
        Assert.Equal(image.Tars, rig.SavedLayers(Image));

        // What is written into a container is what is told, kept, and given out.
        rig.Docker("run", "-d", "--network", "none", "--stop-signal", "KILL", "--name", "box", Image, "sleep", "10000");
        rig.Exec("box", "echo written > /etc/written; rm /etc/one; rm -r /opaque; mkdir /opaque; echo again > /opaque/again");
        Assert.Equal(
            ["A /etc/written", "A /opaque/again", "C /etc", "C /opaque", "D /etc/one", "D /opaque/new"],
            Lines(rig.Docker("diff", "box")).Order(StringComparer.Ordinal));
        rig.Docker("commit", "box", "test:2");
        Assert.Equal("written two again\n", rig.Run("test:2", "echo $(cat /etc/written /etc/two) $(ls /opaque); ! ls /etc/one 2>/dev/null"));
        var committed = rig.SavedLayers("test:2");
        Assert.Equal(image.Tars, committed[..3]);
        CheckBuild(rig);
        CheckSizeLimit(rig);
        await CheckRestarts(rig);

        // Nothing that Docker made is left, and what another process has is whole.
        foreach (string container in Lines(rig.Docker("ps", "-aq")))
            rig.Docker("rm", "-f", container);
        rig.Docker("rmi", "test:3", "test:2", Image);
        Assert.Equal("", rig.Docker("images", "-aq"));
        rig.StopDockerd();
        rig.StopStratad();
        using (var store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Store }))
        {
            Assert.Empty(store.Graph.List());
            store.Collect(); // after a rebuild nobody knows for whose sake layers were made: they stay until then
            Assert.Equal(3, store.Driver.List().Count);
            Assert.Empty(store.Check(deep: true).Select(f => f.ToString()));
            store.RemoveImage(mine.Manifest);
            Assert.Empty(store.Driver.List());
            store.Collect(); // what was removed is deleted later
            Assert.Empty(store.Check(deep: true).Select(f => f.ToString()));
        }
    }

    [Fact]
    public void Containers_run_in_a_user_namespace()
    {
        DockerRig.Require();
        using var ids = new SubordinateIds();
        using var rig = new DockerRig("erofs", SubordinateIds.User);
        rig.Docker("load", "-i", RunnableImage.Make("none").ToDockerArchive(Image).WriteTar(rig.Scratch["image.tar"]));
        rig.Docker("run", "-d", "--network", "none", "--stop-signal", "KILL", "--name", "box", Image, "sleep", "10000");
        Assert.Equal("0 100000 65536 0:0 1000:1001\n", rig.Exec("box", "echo $(cat /proc/self/uid_map) $(stat -c %u:%g /etc/one /etc/owned); echo written > /etc/written"));
        string root = rig.RootOf("box");
        Assert.Equal("100000 101000\n", Commands.Run("sh", "-c", $"echo $(stat -c %u {root}/etc/written {root}/etc/owned)"));
        rig.KillStratad();
        rig.StartStratad();
        Assert.Equal(["A /etc/written", "C /etc"], Lines(rig.Docker("diff", "box")).Order(StringComparer.Ordinal));
        rig.Docker("commit", "box", "test:2");
        Assert.Equal("written 0:0 1000:1001\n", rig.Run("test:2", "echo $(cat /etc/written) $(stat -c %u:%g /etc/written /etc/owned)"));
        rig.Docker("rm", "-f", "box");
        rig.Docker("rmi", "test:2", Image);
        rig.StopDockerd();
        rig.StopStratad();
        using var store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Store });
        Assert.Empty(store.Driver.List());
        store.Collect(); // what was removed is deleted later
        Assert.Empty(store.Check().Select(f => f.ToString()));
    }

    private static void CheckBuild(DockerRig rig)
    {
        string context = rig.Scratch.Make("context");
        File.WriteAllText(Path.Combine(context, "file"), "copied\n");
        File.WriteAllText(Path.Combine(context, "Dockerfile"), $"""
            FROM {Image}
            RUN echo ran > /ran && rm /etc/one
            COPY file /etc/file
            RUN cat /etc/file /ran > /both
            """);
        string said = rig.Docker("build", "--network", "none", "-t", "test:3", context);
        Assert.Equal("copied ran two\n", rig.Run("test:3", "echo $(cat /both /etc/two); ! ls /etc/one 2>/dev/null"));
        // A second one finds each step again.
        Assert.Equal(3, rig.Docker("build", "--network", "none", "-t", "test:3", context).Split("Using cache").Length - 1);
        Assert.DoesNotContain("Using cache", said, StringComparison.Ordinal);
    }

    /// <summary>A limit is kept where the driver can, and refused with a reason where not.</summary>
    private static void CheckSizeLimit(DockerRig rig)
    {
        var (code, output, error) = rig.Try("run", "--rm", "--network", "none", "--storage-opt", "size=8m", Image, "sh", "-c", "dd if=/dev/zero of=/full bs=1M count=32 2>&1; ls -s /full");
        if (rig.Driver == "btrfs")
            Assert.Contains("exceeded", output + error, StringComparison.Ordinal);
        else
            Assert.True(code != 0 && error.Contains("size", StringComparison.Ordinal), $"{code}: {output}{error}");
    }

    /// <summary>A container goes on, in its root file system, while each daemon restarts or is killed.</summary>
    private static async Task CheckRestarts(DockerRig rig)
    {
        string root = rig.RootOf("box");
        rig.StopStratad();
        File.WriteAllText(root + "/etc/stopped", "stopped\n");
        rig.StartStratad();
        Assert.Contains("A /etc/stopped", rig.Docker("diff", "box"), StringComparison.Ordinal);

        rig.KillStratad();
        File.WriteAllText(root + "/etc/killed", "killed\n");
        var waiting = Task.Run(() => rig.Exec("box", "cat /etc/killed /etc/written")); // Docker's calls wait until it is back
        await Task.Delay(500);
        Assert.False(waiting.IsCompleted);
        rig.StartStratad();
        Assert.Equal("killed\nwritten\n", await waiting);

        rig.StopDockerd();
        File.WriteAllText(root + "/etc/without", "without\n");
        rig.StartDockerd();
        Assert.Equal("without\n", rig.Exec("box", "cat /etc/without"));
        rig.KillDockerd();
        rig.KillStratad();
        File.WriteAllText(root + "/etc/alone", "alone\n");
        CheckWithoutDaemons(rig);
        rig.StartStratad();
        rig.StartDockerd();
        Assert.Equal("alone\nwithout\n", rig.Exec("box", "cat /etc/alone /etc/without"));
        rig.Docker("stop", "box");
        rig.Docker("start", "box");
        Assert.Equal("alone\nwritten\n", rig.Exec("box", "cat /etc/alone /etc/written"));
        Assert.Equal("one\n", rig.Run(Image, "cat /etc/one"));
    }

    /// <summary>While the container runs and both daemons are away: the metadata is made again, and what Docker made and did not come to name is swept.</summary>
    private static void CheckWithoutDaemons(DockerRig rig)
    {
        string home;
        string[] before;
        using (var store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Store }))
        {
            home = store.Graph.Home!;
            before = [.. store.Graph.List().Select(l => $"{l.Id} {l.Parent} {l.Content} {l.Layer}").Order(StringComparer.Ordinal)];
            store.EmptyTrash(wait: true, TestContext.Current.CancellationToken); // which the daemon that was killed had not come to
            var found = store.Check(deep: true).Select(f => f.ToString()).ToArray();
            Assert.True(found.Length == 0, string.Join("\n", found));
        }
        File.Delete(Path.Combine(rig.Store, "strata.db"));
        Assert.Empty(Strata.Store.Store.Rebuild(new StoreOptions { Root = rig.Store }).Unplaced.Select(u => u.ToString()));
        using (var store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Store }))
        {
            Assert.Equal(before, store.Graph.List().Select(l => $"{l.Id} {l.Parent} {l.Content} {l.Layer}").Order(StringComparer.Ordinal));
            store.Graph.Home = home; // Docker says it when it starts
            store.Graph.Create("dead", null);
            store.Graph.ApplyDiff("dead", null, new TarBuilder().File("dead").ToStream());
            var swept = Assert.Single(store.Check(repair: true));
            Assert.Equal((true, "Docker's layer dead"), (swept.Repaired, swept.Subject));
            Assert.Empty(store.Check(deep: true).Select(f => f.ToString()));
        }
    }

    /// <summary>The same image, by another process on the same store.</summary>
    private static ImageRecord LoadBesides(DockerRig rig, string archive)
    {
        using var store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Store });
        return new ImageLoader(store).Load(archive).Single();
    }

    private static int CountLayers(DockerRig rig)
    {
        using var store = Strata.Store.Store.Open(new StoreOptions { Root = rig.Store });
        return store.Driver.List().Count;
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
