using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>Layers applied, and given back as they came.</content>
public abstract partial class DriverSuite
{
    public static TheoryData<string> OverNames => [.. RichLayers.Over.Keys];

    [Fact]
    public void Layer_is_unpacked_as_tar_does_it()
    {
        var tar = RichLayers.Everything();
        var id = Rig.Apply("all", null, tar);
        string file = Path.Combine(Rig.Outside, "all.tar");
        string judge = Path.Combine(Rig.Outside, "judge");
        File.WriteAllBytes(file, tar.ToArray());
        Directory.CreateDirectory(judge);
        Commands.Run("tar", "--xattrs", "--xattrs-include=*", "--same-owner", "-xpf", file, "-C", judge);
        // tar spoils the times of directories that it writes to later, and can't give attributes to links.
        Assert.Equal(Judged(TreeDump.Of(judge)), Judged(Rig.Dump(id)));
        Assert.Contains("/attributed/link l 0777 0:0 1000000000.000000000 -> ../dir trusted.on-link=0x07", Rig.Dump(id), StringComparison.Ordinal);
        Assert.Contains("/dir d 01775 1000:1001 1234567890.500000000", Rig.Dump(id), StringComparison.Ordinal);
        Assert.Contains("/deep d 0755 0:0 0.000000000", Rig.Dump(id), StringComparison.Ordinal);

        static string Judged(string dump) => string.Join('\n', dump.Split('\n')
            .Where(l => !l.StartsWith("/attributed/link ", StringComparison.Ordinal))
            .Select(l => l.Split(' ')[1] == "d" ? string.Join(' ', l.Split(' ').Where((_, i) => i != 4))
                : l));
    }

    [Fact]
    public void Everything_comes_back_byte_for_byte()
    {
        byte[] tar = RichLayers.Everything().ToArray();
        Assert.True(tar.AsSpan().SequenceEqual(Rig.RoundTrip("all", null, tar)));
        byte[] sparse = RichLayers.Sparse().ToArray();
        Assert.True(sparse.AsSpan().SequenceEqual(Rig.RoundTrip("sparse", null, sparse)));
        Assert.Contains("/sparse-1.0 f 0644 0:0 1000000000.000000000 2097152", Rig.Dump(Id("sparse")), StringComparison.Ordinal);
        // What follows the end of the archive belongs to the layer's bytes, too.
        byte[] padded = new TarBuilder().File("f", "x").ToArray(endBlocks: 20);
        Assert.True(padded.AsSpan().SequenceEqual(Rig.RoundTrip("padded", null, padded)));
        Assert.True(new byte[1024].AsSpan().SequenceEqual(Rig.RoundTrip("nothing", null, new byte[1024])));
    }

    [Fact]
    public void Everything_survives_a_diff()
    {
        Rig.Apply("empty", null, new TarBuilder().Mtime("1234567890.123456789").Dir("./"));
        var id = Rig.Apply("all", Id("empty"), RichLayers.Everything());
        ApplyElsewhere(id, Id("empty"));
        Driver.Create(Id("child"), id);
        Assert.Equal(Rig.Dump(id), Rig.Dump(Id("child")));
        Assert.Empty(Rig.Changes(Id("child"), id));
    }

    [Theory]
    [MemberData(nameof(OverNames))]
    public void Layer_over_another(string name)
    {
        var below = Rig.Apply("below", null, RichLayers.Below());
        string before = Rig.Dump(below);
        byte[] tar = RichLayers.Over[name]().ToArray();
        byte[] again = Rig.RoundTrip("over", below, tar);
        Assert.True(tar.AsSpan().SequenceEqual(again), "the tar did not come back byte for byte");
        Assert.Equal(before, Rig.Dump(below));
        string after = Rig.Dump(Id("over"));
        Assert.DoesNotContain(".wh.", after, StringComparison.Ordinal);
        Assert.DoesNotContain(" c ", after, StringComparison.Ordinal);
        // A gained link is a change that a dump does not show.
        if (!name.StartsWith("hard link", StringComparison.Ordinal))
            Assert.Equal(ExpectedChanges.Between(before, after), Rig.Changes(Id("over"), below));
        // The difference onto the same parent again: directories' times alone are no difference.
        Driver.Create(Id("elsewhere"), below);
        Driver.ApplyDiff(Id("elsewhere"), below, new MemoryStream(Rig.Diff(Id("over"), below)));
        Assert.Empty(ExpectedChanges.Between(after, Rig.Dump(Id("elsewhere"))));
    }

    [Fact]
    public void Truncated_layer_is_an_error_and_the_layer_can_be_removed()
    {
        byte[] tar = RichLayers.Everything().ToArray();
        foreach (int cut in new[] { 100, 512, 5000, tar.Length - 1600 })
        {
            Driver.Create(Id("cut"), null);
            Fails(ErrorKind.Corrupt, () => Driver.ApplyDiff(Id("cut"), null, new MemoryStream(tar, 0, cut)));
            Driver.Remove(Id("cut"));
            Assert.False(Driver.Exists(Id("cut")));
        }
    }
}
