using Strata.Drivers.Erofs;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>What only the EROFS driver has: tars with indexes that can be made again.</summary>
public sealed class ErofsOnlyTests(FileSystems fileSystems) : IDisposable
{
    private readonly Rig _rig = new("erofs", fileSystems.Of("ext4"));

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Layer_is_its_tar_byte_for_byte()
    {
        byte[] tar = RichLayers.Everything().ToArray(endBlocks: 20);
        _rig.Driver.Create(Rig.Id("all"), null);
        _rig.Driver.ApplyDiff(Rig.Id("all"), null, new MemoryStream(tar));
        Assert.Equal(tar, File.ReadAllBytes(_rig.Driver.GetMetadata(Rig.Id("all"))["Tar"]));
        Assert.Equal(tar, _rig.Diff(Rig.Id("all"), null));
        // Nothing was unpacked.
        Assert.True(Directory.EnumerateFileSystemEntries(Path.Combine(_rig.Home, "all")).Count() <= 4);
    }

    /// <summary>What goes past the page cache ends on whole blocks; the first megabytes and the rest do not go there.</summary>
    [Theory]
    [InlineData("ext4", 0), InlineData("ext4", 512), InlineData("ext4", 4096), InlineData("ext4", (1 << 20) + 1536), InlineData("ext4", 3 << 20), InlineData("ext4", (9 << 20) - 512)]
    [InlineData("xfs", (2 << 20) + 512), InlineData("btrfs", (2 << 20) + 512), InlineData("tmpfs", (2 << 20) + 512)]
    public void Large_layer_is_its_tar_byte_for_byte(string fileSystem, int moreBytes)
    {
        using var rig = new Rig("erofs", fileSystems.Of(fileSystem));
        byte[] content = new byte[(4 << 20) - 3 * 512 + moreBytes]; // with its header and the end the tar has 4 MiB and that
        new Random(moreBytes).NextBytes(content);
        byte[] tar = new TarBuilder().Raw("large"u8.ToArray(), '0', content: content).ToArray();
        Assert.Equal((4 << 20) + moreBytes, tar.Length);
        rig.Driver.Create(Rig.Id("large"), null);
        rig.Driver.ApplyDiff(Rig.Id("large"), null, new MemoryStream(tar));
        Assert.True(tar.AsSpan().SequenceEqual(File.ReadAllBytes(rig.Driver.GetMetadata(Rig.Id("large"))["Tar"])));
        Assert.True(content.AsSpan().SequenceEqual(rig.Use(Rig.Id("large"), root => File.ReadAllBytes(Path.Combine(root, "large")))));
    }

    [Fact]
    public void Index_is_made_again_and_is_the_same()
    {
        var (below, over) = TwoLayers();
        string before = _rig.Dump(over);
        foreach (var id in new[] { below, over })
        {
            string index = _rig.Driver.GetMetadata(id)["Index"];
            byte[] bytes = File.ReadAllBytes(index);
            File.Delete(index);
            Assert.Equal(before, _rig.Dump(over));
            Assert.Equal(bytes, File.ReadAllBytes(index));
        }
    }

    [Fact]
    public void Side_file_is_made_again_with_the_index()
    {
        _rig.Apply("sparse", null, RichLayers.Sparse());
        string before = _rig.Dump(Rig.Id("sparse"));
        string index = _rig.Driver.GetMetadata(Rig.Id("sparse"))["Index"];
        string side = Path.ChangeExtension(index, ".side");
        Assert.True(File.Exists(side));
        File.Delete(index);
        File.Delete(side);
        Assert.Equal(before, _rig.Dump(Rig.Id("sparse")));
        Assert.True(File.Exists(side));
    }

    [Fact]
    public void Applied_layer_is_read_only_and_takes_no_second_tar()
    {
        var id = _rig.Apply("one", null, new TarBuilder().File("f", "x"));
        _rig.Use(id, root =>
        {
            Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Combine(root, "f"), "y"));
            return 0;
        });
        var e = Assert.ThrowsAny<StrataException>(() => _rig.Driver.ApplyDiff(id, null, new TarBuilder().File("g").ToStream()));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
        Assert.Equal("x", _rig.Use(id, root => File.ReadAllText(Path.Combine(root, "f"))));
    }

    [Fact]
    public void Check_finds_what_is_damaged_and_makes_it_again()
    {
        var (below, over) = TwoLayers();
        var checker = (ErofsDriver)_rig.Driver;
        Assert.Empty(checker.CheckLayer(below, repair: false));
        Assert.Empty(checker.CheckLayer(over, repair: false));
        string index = _rig.Driver.GetMetadata(over)["Index"];
        byte[] right = File.ReadAllBytes(index);
        byte[] wrong = (byte[])right.Clone();
        wrong[^40] ^= 0x10;
        File.WriteAllBytes(index, wrong);
        var problem = Assert.Single(checker.CheckLayer(over, repair: false));
        Assert.False(problem.Repaired);
        Assert.Contains(index, problem.What, StringComparison.Ordinal);
        Assert.Equal(wrong, File.ReadAllBytes(index));
        Assert.True(Assert.Single(checker.CheckLayer(over, repair: true)).Repaired);
        Assert.Equal(right, File.ReadAllBytes(index));
        Assert.Empty(checker.CheckLayer(over, repair: false));
        // A tar of which nothing can be made is found, and stays.
        string tar = _rig.Driver.GetMetadata(below)["Tar"];
        using (var file = new FileStream(tar, FileMode.Open))
            file.SetLength(700);
        Assert.False(Assert.Single(checker.CheckLayer(below, repair: true)).Repaired);
    }

    [Fact]
    public void Chain_of_many_layers_is_one_index_and_is_made_again()
    {
        LayerId? parent = null;
        for (int i = 0; i < ErofsDriver.MaxSeparateLowers + 4; i++)
        {
            var tar = new TarBuilder().Dir("d").File($"d/f{i}", $"{i}").File("same", $"{i}");
            if (i > 0)
                tar.Whiteout($"d/f{i - 1}");
            parent = _rig.Apply($"layer-{i}", parent, tar);
        }
        _rig.Driver.CreateReadWrite(Rig.Id("box"), parent);
        string root = _rig.Driver.Get(Rig.Id("box"));
        Assert.Equal([$"f{ErofsDriver.MaxSeparateLowers + 3}"], Directory.GetFiles(Path.Combine(root, "d")).Select(Path.GetFileName));
        Assert.Equal(2, Mounts.AtOrBelow(_rig.Home).Count); // the box, and one index for all below
        string chain = Directory.GetFiles(Path.Combine(_rig.Home, parent!.Value.ToString()), "chain.*.erofs").Single();
        _rig.Driver.Put(Rig.Id("box"));
        Assert.Empty(Mounts.AtOrBelow(_rig.Home));
        var checker = (ErofsDriver)_rig.Driver;
        Assert.Empty(checker.CheckLayer(parent.Value, repair: false));
        byte[] right = File.ReadAllBytes(chain);
        File.WriteAllBytes(chain, right[..^512]);
        Assert.True(Assert.Single(checker.CheckLayer(parent.Value, repair: true)).Repaired);
        Assert.Equal(right, File.ReadAllBytes(chain));
    }

    [Fact]
    public void Two_boxes_share_the_mounts_below_them()
    {
        var (_, over) = TwoLayers();
        foreach (string box in new[] { "a", "b" })
            _rig.Driver.CreateReadWrite(Rig.Id(box), over);
        _rig.Driver.Get(Rig.Id("a"));
        Assert.Equal(3, Mounts.AtOrBelow(_rig.Home).Count);
        _rig.Driver.Get(Rig.Id("b"));
        Assert.Equal(4, Mounts.AtOrBelow(_rig.Home).Count);
        _rig.Driver.Put(Rig.Id("a"));
        Assert.Equal(3, Mounts.AtOrBelow(_rig.Home).Count);
        _rig.Driver.Put(Rig.Id("b"));
        Assert.Empty(Mounts.AtOrBelow(_rig.Home));
    }

    private (LayerId Below, LayerId Over) TwoLayers()
    {
        var below = _rig.Apply("below", null, RichLayers.Below());
        return (below, _rig.Apply("over", below, new TarBuilder().Whiteout("a/low").File("n/x", "new").Hardlink("e/l", "e/f").Opaque("d").File("d/z", "z")));
    }
}
