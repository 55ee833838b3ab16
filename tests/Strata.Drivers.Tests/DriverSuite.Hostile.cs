using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>Layers that attack.</content>
public abstract partial class DriverSuite
{
    public static TheoryData<string> HostileNames => [.. HostileLayers.All.Keys];

    [Theory]
    [MemberData(nameof(HostileNames))]
    public void Hostile_layer_stays_inside(string name)
    {
        var attack = HostileLayers.All[name];
        string outside = Path.Combine(Rig.Outside, "outside");
        string victim = Path.Combine(outside, "victim");
        Directory.CreateDirectory(outside);
        File.WriteAllText(victim, "untouched");
        File.SetUnixFileMode(victim, UnixFileMode.UserRead);
        File.WriteAllText(Path.Combine(Rig.Outside, "victim"), "untouched");
        var below = Rig.Apply("below", null, RichLayers.Below());
        string belowBefore = Rig.Dump(below);
        string before = TreeDump.Of(outside) + File.ReadAllText(Path.Combine(Rig.Outside, "victim"));
        string[] around = Directory.GetFileSystemEntries(Rig.Outside);

        Driver.Create(Id("hostile"), below);
        try
        {
            Driver.ApplyDiff(Id("hostile"), below, attack.Build(victim).ToStream());
            Assert.True(attack.Refused is null, "it was not refused");
            Rig.Dump(Id("hostile"));
        }
        catch (StrataException e)
        {
            Assert.True(attack.Refused is not null, "it was refused: " + e.Message);
            Assert.True(attack.Refused == ErrorKind.Unknown || attack.Refused == e.Kind, $"{e.Kind}: {e.Message}");
        }

        Assert.Equal(before, TreeDump.Of(outside) + File.ReadAllText(Path.Combine(Rig.Outside, "victim")));
        Assert.Equal(around.Order(), Directory.GetFileSystemEntries(Rig.Outside).Order());
        Assert.Equal(belowBefore, Rig.Dump(below));
        Driver.Remove(Id("hostile"));
        Assert.Equal(before, TreeDump.Of(outside) + File.ReadAllText(Path.Combine(Rig.Outside, "victim")));
    }

    [Fact]
    public void Attributes_named_as_marks_of_overlay_are_just_attributes()
    {
        var below = Rig.Apply("below", null, RichLayers.Below());
        var tar = new TarBuilder()
            .Xattr("trusted.overlay.opaque", (byte)'y').Dir("d").Xattr("user.overlay.opaque", (byte)'y').Dir("a")
            .Xattr("trusted.overlay.whiteout", (byte)'y').File("e/f", "");
        var id = Rig.Apply("over", below, tar);
        string[] paths = Rig.Dump(id).Split('\n').Select(l => l.Split(' ')[0]).ToArray();
        Assert.Contains("/d/one", paths);
        Assert.Contains("/a/low", paths);
        Assert.Contains("/e/f", paths);
        // They come back in the difference.
        Assert.Contains("trusted.overlay.opaque", System.Text.Encoding.Latin1.GetString(Rig.Diff(id, below)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(LayerLimits.MaxTarBytes))]
    [InlineData(nameof(LayerLimits.MaxContentBytes))]
    [InlineData(nameof(LayerLimits.MaxEntries))]
    [InlineData(nameof(LayerLimits.MaxPathDepth))]
    [InlineData(nameof(LayerLimits.MaxPathBytes))]
    [InlineData(nameof(LayerLimits.MaxNameBytes))]
    [InlineData(nameof(LayerLimits.MaxXattrValueBytes))]
    [InlineData(nameof(LayerLimits.MaxXattrTotalBytes))]
    [InlineData(nameof(LayerLimits.MaxExtendedHeaderBytes))]
    [InlineData(nameof(LayerLimits.MaxSparseExtents))]
    public void Limit_is_kept_and_named(string limit)
    {
        var none = LayerLimits.Default;
        var (limits, tar) = limit switch
        {
            nameof(LayerLimits.MaxTarBytes) => (none with { MaxTarBytes = 4096 }, new TarBuilder().File("f", new string('x', 5000))),
            nameof(LayerLimits.MaxContentBytes) => (none with { MaxContentBytes = 1_000_000 }, RichLayers.Sparse()),
            nameof(LayerLimits.MaxEntries) => (none with { MaxEntries = 2 }, new TarBuilder().File("1").File("2").File("3")),
            nameof(LayerLimits.MaxPathDepth) => (none with { MaxPathDepth = 3 }, new TarBuilder().File("1/2/3/" + new string('4', 250))),
            nameof(LayerLimits.MaxPathBytes) => (none with { MaxPathBytes = 100 }, new TarBuilder().File(new string('a', 60) + "/" + new string('b', 60))),
            nameof(LayerLimits.MaxNameBytes) => (none with { MaxNameBytes = 50 }, new TarBuilder().File(new string('a', 60))),
            nameof(LayerLimits.MaxXattrValueBytes) => (none with { MaxXattrValueBytes = 10 }, new TarBuilder().Xattr("user.x", new byte[11]).File("f")),
            nameof(LayerLimits.MaxXattrTotalBytes) => (none with { MaxXattrTotalBytes = 15 }, new TarBuilder().Xattr("user.x", new byte[9]).Xattr("user.y", new byte[9]).File("f")),
            nameof(LayerLimits.MaxExtendedHeaderBytes) => (none with { MaxExtendedHeaderBytes = 100 }, new TarBuilder().Pax("comment", new string('x', 200)).File("f")),
            _ => (none with { MaxSparseExtents = 1 }, RichLayers.Sparse()),
        };
        Driver.Create(Id("one"), null);
        var e = Fails(ErrorKind.Exhausted, () => Driver.ApplyDiff(Id("one"), null, tar.ToStream(), new ApplyOptions { Limits = limits }));
        Assert.Contains(limit, e.Message, StringComparison.Ordinal);
        Driver.Remove(Id("one"));
        Rig.Apply("two", null, tar);
    }
}
