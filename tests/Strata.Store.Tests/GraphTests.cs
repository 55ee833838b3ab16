using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>Layers that their owner names: what is on disk of them, and what the owner's own records say.</summary>
public sealed class GraphTests
{
    private const string Base = "ba5e0000", Top = "70b00000", Other = "07e00000", Box = "c0d00000", Init = Box + "-init";
    private static readonly IdMapping _map = new([new IdRange(0, 100_000, 65_536)], [new IdRange(0, 100_000, 65_536)]);

    [Theory]
    [InlineData("erofs")]
    [InlineData("overlay")]
    [InlineData("vfs")]
    public void Layers_have_their_owners_names_again_after_a_rebuild(string driver)
    {
        using var rig = Filled(driver);
        var graph = rig.Store.Graph;
        graph.IdMapping = _map;
        Apply(rig, "ab000000", null, 5);
        graph.CreateReadWrite("ab000001", "ab000000");
        Apply(rig, "ab000002", "ab000001", 6); // on one that is written to
        graph.IdMapping = null;
        graph.CreateReadWrite("0c0000.with.dots", null);
        File.WriteAllText(Path.Combine(graph.Get(Box), "written"), "kept");
        graph.Put(Box);
        var before = graph.List().Select(Shown).ToHashSet();
        Assert.Equal(9, before.Count);
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
        rig.Store.Dispose();
        File.Delete(Path.Combine(rig.Root, "strata.db"));
        var report = Store.Rebuild(new StoreOptions { Root = rig.Root });
        Assert.Empty(report.Unplaced.Select(u => u.ToString()));
        Assert.Equal((2, 0, 9), (report.Layers, report.Writable, report.GraphLayers));
        rig.Reopen();
        graph = rig.Store.Graph;
        Assert.Equal(before, graph.List().Select(Shown).ToHashSet());
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(graph.Get(Box), "written")));
        graph.Put(Box);
        Assert.Equal(StoreRig.Tar(2), Diff(rig, Top, Base));
        Assert.Equal(StoreRig.Tar(2), Diff(rig, Other, Base));
        foreach (string id in new[] { "0c0000.with.dots", "ab000002", "ab000001", "ab000000", Box, Init, Other, Top, Base })
            graph.Remove(id);
        rig.Store.Collect();
        Assert.Empty(rig.Store.Driver.List().Select(id => id.ToString()));
        Assert.Empty(Directory.GetFiles(Path.Combine(rig.Root, "graph"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void What_a_process_named_that_ended_at_once_gets_its_file_when_the_store_is_opened()
    {
        using var rig = Filled("vfs");
        string file = Directory.GetFiles(Path.Combine(rig.Root, "graph", "writable"), $"*.{Box}").Single();
        File.Move(file, Path.Combine(rig.Root, "leases", Path.GetFileName(file).Split('.')[0])); // its lease, not yet renamed
        rig.Reopen();
        Assert.True(File.Exists(file));
        File.Delete(file);
        File.WriteAllText(Path.Combine(rig.Root, "graph", "applied", Top), "rubbish");
        var found = rig.Store.Check();
        Assert.Equal([Box, Top], found.Select(f => f.Subject[^8..]).Order(StringComparer.Ordinal).Reverse());
        Assert.All(rig.Store.Check(repair: true), f => Assert.True(f.Repaired, f.ToString()));
        File.WriteAllText(Path.Combine(rig.Root, "graph", "applied", "gone"), "x");
        File.WriteAllText(Path.Combine(rig.Root, "graph", "writable", "rubbish"), "x");
        File.WriteAllText(Path.Combine(rig.Root, "graph", "writable", $"{LayerId.New()}.-.gone"), "x");
        Assert.Equal(3, rig.Store.Check(repair: true).Count(f => f is { Repaired: true, Kind: FindingKind.Leftover }));
        Assert.Empty(rig.Store.Check().Select(f => f.ToString()));
    }

    [Fact]
    public void Layers_that_cannot_be_placed_are_told_and_those_that_can_are_back()
    {
        using var rig = Filled("overlay");
        File.Delete(Directory.GetFiles(Path.Combine(rig.Root, "graph", "writable"), $"*.{Init}").Single()); // then nobody knows that Box lies on Top
        File.WriteAllText(Path.Combine(rig.Root, "graph", "applied", Other), "rubbish");
        rig.Store.Dispose();
        File.Delete(Path.Combine(rig.Root, "strata.db"));
        var report = Store.Rebuild(new StoreOptions { Root = rig.Root });
        Assert.Equal(2, report.GraphLayers);
        Assert.Contains(report.Unplaced, u => u.Subject.EndsWith(Other, StringComparison.Ordinal));
        Assert.Contains(report.Unplaced, u => u.Subject.EndsWith(Box, StringComparison.Ordinal) && u.Why.Contains("lies on", StringComparison.Ordinal));
        rig.Reopen();
        Assert.Equal([Base, Top], rig.Store.Graph.List().Select(l => l.Id).Order(StringComparer.Ordinal).Reverse());
        Assert.Equal(StoreRig.Tar(2), Diff(rig, Top, Base));
    }

    [Fact]
    public void Layers_that_Docker_does_not_know_are_told_and_removed_when_it_does_not_run()
    {
        using var rig = Filled("overlay");
        Apply(rig, "dead0000", Base, 7);
        rig.Store.Graph.CreateReadWrite("dead0001", "dead0000");
        string records = rig.Scratch["data/image/strata/layerdb"], database = Path.Combine(rig.Scratch.Make("data/volumes"), "metadata.db");
        File.WriteAllText(database, "");
        Record($"sha256/{new string('2', 64)}/cache-id", Top);
        Record($"sha256/{new string('3', 64)}-0123-removing/cache-id", Other);
        Record("mounts/box/mount-id", Box);
        Record("mounts/box/init-id", Init);
        Assert.Empty(rig.Store.Check().Select(f => f.ToString())); // nobody said where Docker's records are
        rig.Store.Graph.Home = rig.Scratch["data/strata"];
        var found = rig.Store.Check(new CheckOptions());
        Assert.Equal(["Docker's layer dead0001", "Docker's layer dead0000"], found.Findings.Select(f => f.Subject)); // Base is below those that are wanted
        Assert.All(found.Findings, f => Assert.True(f is { Kind: FindingKind.Leftover, Repaired: false }, f.ToString()));
        Assert.Throws<StrataException>(() => rig.Store.Check(new CheckOptions { Repair = true, DockerIsGone = true }));

        // While Docker runs it may be about to name what is young, and nothing is removed.
        using (Strata.Trees.ProcessLock.Acquire(database))
            Assert.Empty(rig.Store.Check(repair: true).Select(f => f.ToString()));
        Assert.Equal(2, rig.Store.Check(repair: true).Count(f => f.Repaired));
        Assert.Empty(rig.Store.Check().Select(f => f.ToString()));
        Assert.Equal(5, rig.Store.Graph.List().Count);

        // What Docker has and we have not.
        Record($"sha256/{new string('4', 64)}/cache-id", "105e0000");
        var lost = Assert.Single(rig.Store.Check());
        Assert.Equal((FindingKind.Damage, "Docker's layer 105e0000"), (lost.Kind, lost.Subject));
        Assert.Contains("sha256:444", lost.Problem, StringComparison.Ordinal);

        // Its data root is gone: only who says that it is for good has all removed.
        Directory.Delete(rig.Scratch["data"], recursive: true);
        var gone = Assert.Single(rig.Store.Check(repair: true));
        Assert.Contains("5 layers", gone.Problem, StringComparison.Ordinal);
        Assert.Equal(5, rig.Store.Graph.List().Count);
        Assert.Equal(5, rig.Store.Check(new CheckOptions { Repair = true, DockerIsGone = true }).Findings.Count(f => f.Repaired));
        Assert.Empty(rig.Store.Driver.List().Select(id => id.ToString()));
        Assert.Empty(rig.Store.Check().Select(f => f.ToString()));

        void Record(string path, string id)
        {
            path = Path.Combine(records, path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, id);
        }
    }

    /// <summary>An image of two layers, one of them twice, and a container.</summary>
    private static StoreRig Filled(string driver)
    {
        Assert.SkipUnless(driver == "vfs" || Environment.IsPrivilegedProcess, $"{driver} needs root");
        var rig = new StoreRig(driver);
        Apply(rig, Base, null, 1);
        Apply(rig, Top, Base, 2);
        Apply(rig, Other, Base, 2);
        rig.Store.Graph.CreateReadWrite(Init, Top);
        rig.Store.Graph.CreateReadWrite(Box, Init);
        return rig;
    }

    private static void Apply(StoreRig rig, string id, string? parent, int number)
    {
        rig.Store.Graph.Create(id, parent);
        rig.Store.Graph.ApplyDiff(id, parent, new MemoryStream(StoreRig.Tar(number)));
    }

    private static byte[] Diff(StoreRig rig, string id, string parent)
    {
        using var tar = new MemoryStream();
        rig.Store.Graph.Diff(id, parent, tar);
        return tar.ToArray();
    }

    private static string Shown(GraphLayer layer) => $"{layer.Id} on {layer.Parent} {layer.Writable} {layer.Content} {layer.Layer}";
}
