using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>The same input gives the same tree and the same bytes, whatever the driver and wherever it lies.</summary>
public sealed class SameEverywhereTests(FileSystems fileSystems)
{
    public static TheoryData<string> OverNames => [.. RichLayers.Over.Keys];

    public static TheoryData<string> HostileNames => [.. HostileLayers.All.Keys];

    [Fact]
    public void Everything() => Same(rig =>
    {
        Rig.Id("empty");
        rig.Driver.Create(Rig.Id("empty"), null);
        var id = rig.Apply("all", Rig.Id("empty"), RichLayers.Everything());
        return rig.Dump(id) + "\n" + string.Join('\n', rig.Changes(id, Rig.Id("empty"))) + "\n" + Hash(rig.DiffOfTrees(id, Rig.Id("empty"))) + Hash(rig.DiffOfTrees(id, null));
    });

    [Theory]
    [MemberData(nameof(OverNames))]
    public void Layer_over_another(string name) => Same(rig =>
    {
        var below = rig.Apply("below", null, RichLayers.Below());
        var id = rig.Apply("over", below, RichLayers.Over[name]());
        return rig.Dump(id) + "\n" + string.Join('\n', rig.Changes(id, below)) + "\n" + Hash(rig.DiffOfTrees(id, below)) + Hash(rig.DiffOfTrees(id, null));
    });

    [Theory]
    [MemberData(nameof(HostileNames))]
    public void Hostile_layer(string name) => Same(rig =>
    {
        var below = rig.Apply("below", null, RichLayers.Below());
        rig.Driver.Create(Rig.Id("hostile"), below);
        try
        {
            rig.Driver.ApplyDiff(Rig.Id("hostile"), below, HostileLayers.All[name].Build("/nowhere/victim").ToStream());
        }
        catch (StrataException e)
        {
            return e.Kind.ToString();
        }
        return rig.Dump(Rig.Id("hostile")) + "\n" + Hash(rig.DiffOfTrees(Rig.Id("hostile"), below));
    });

    [Fact]
    public void Change_by_hand() => Same(rig =>
    {
        var below = rig.Apply("below", null, RichLayers.Below());
        var id = rig.Make("change", below, s =>
        {
            s.File("d/one", "changed", 0x9ED, 1, 2).Remove("d/two").Remove("e").Dir("e").File("e/new", "x").Remove("link").File("link", "now a file");
            s.File("n", "x").Link("d/n2", "n").Symlink("s", "n").Node("p", NameCalls.TypeFifo | 0x180).Node("c", NameCalls.TypeCharDevice | 0x180, 1, 7);
            s.Xattr("a", "user.x", 1, 2, 3).Mode("a/b", 0x1FF).Link("target-2", "target").Mode("target", 0x9ED).File("old", "1", time: new FileTime(-1000, 5));
            s.File(new string('l', 251), "long").Remove("file").Dir("file").File("file/in", "x");
        });
        return rig.Dump(id) + "\n" + string.Join('\n', rig.Changes(id, below)) + "\n" + Hash(rig.DiffOfTrees(id, below)) + "\n" + Hash(rig.DiffOfTrees(id, null))
            + "\n" + rig.Driver.DiffSize(id, below);
    });

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes))[..16] + " ";

    private void Same(Func<Rig, string> run)
    {
        string? first = null;
        foreach (var (driver, fileSystem) in Rig.All)
        {
            using var rig = new Rig(driver, fileSystems.Of(fileSystem));
            string result = run(rig);
            first ??= result;
            Assert.True(first == result, $"{driver} on {fileSystem} differs from overlay on ext4:\n{Difference(first, result)}");
        }
    }

    private static string Difference(string a, string b)
    {
        string[] x = a.Split('\n'), y = b.Split('\n');
        return string.Join('\n', x.Except(y).Select(l => "- " + l).Concat(y.Except(x).Select(l => "+ " + l)));
    }
}
