using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class LayerTests
{
    public static TheoryData<string> Drivers => ["erofs", "overlay", "vfs"];

    [Theory, MemberData(nameof(Drivers))]
    public void A_chain_is_registered_and_given_back(string driver)
    {
        using var rig = new StoreRig(driver);
        byte[][] tars = [StoreRig.Tar(1), StoreRig.Tar(2), StoreRig.Tar(3)];
        var layers = rig.Register(tars);

        ChainId? parent = null;
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(StoreRig.DiffIdOf(tars[i]), layers[i].DiffId);
            Assert.Equal(parent, layers[i].Parent);
            Assert.Equal(ChainId.Of(parent, layers[i].DiffId), layers[i].ChainId);
            Assert.Equal(tars[i].Length, layers[i].TarBytes);
            parent = layers[i].ChainId;
        }
        rig.Reopen();
        Assert.Equal(layers.Select(l => l.ChainId).Reverse(), rig.Store.GetChain(layers[2].ChainId).Select(l => l.ChainId));
        Assert.Equal(tars, layers.Select(rig.Give));
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Layers_that_are_there_are_not_read_again(string driver)
    {
        using var rig = new StoreRig(driver);
        byte[] below = StoreRig.Tar(1), above = StoreRig.Tar(2);
        var first = rig.Register(below)[0];
        int opened = 0;
        var unread = StoreRig.Input(below) with { Open = () => { opened++; return new MemoryStream(below); } };
        var both = rig.Store.RegisterLayers([unread, StoreRig.Input(above)]);
        Assert.Equal(first, both[0]);
        Assert.Equal(0, opened);
        Assert.Equal(2, rig.Store.ListLayers().Count);
        Assert.Equal(2, rig.Store.Driver.List().Count);
    }

    [Theory, MemberData(nameof(Drivers))]
    public async Task Two_threads_unpack_a_layer_once(string driver)
    {
        using var rig = new StoreRig(driver);
        byte[] tar = StoreRig.Tar(1, files: 200);
        int opened = 0;
        var input = StoreRig.Input(tar) with { Open = () => { Interlocked.Increment(ref opened); Thread.Sleep(100); return new MemoryStream(tar); } };
        using var other = rig.Open();
        var results = await Task.WhenAll(Task.Run(() => rig.Store.RegisterLayers([input])[0]), Task.Run(() => other.RegisterLayers([input])[0]));
        Assert.Equal(results[0], results[1]);
        Assert.Equal(1, opened);
        Assert.Single(rig.Store.Driver.List());
    }

    [Theory, MemberData(nameof(Drivers))]
    public async Task Two_threads_with_an_unknown_layer_keep_one(string driver)
    {
        using var rig = new StoreRig(driver);
        byte[] tar = StoreRig.Tar(1, files: 200);
        using var barrier = new Barrier(2);
        var input = new LayerInput { Open = () => { barrier.SignalAndWait(); return new MemoryStream(tar); } };
        using var other = rig.Open();
        var results = await Task.WhenAll(Task.Run(() => rig.Store.RegisterLayers([input])[0]), Task.Run(() => other.RegisterLayers([input])[0]));
        Assert.Equal(results[0], results[1]);
        Assert.Single(rig.Store.Driver.List());
        // A layer that is its tar needs no recipe.
        Assert.Equal(driver == "erofs" ? 0 : 1, Directory.GetFiles(Path.Combine(rig.Root, "recipes")).Length);
    }

    [Theory]
    [CombinatorialValues]
    public void A_broken_layer_leaves_nothing(string driver, string damage)
    {
        using var rig = new StoreRig(driver);
        rig.Register(StoreRig.Tar(1));
        string before = rig.State();
        byte[] good = StoreRig.Tar(2, files: 50);
        byte[] gzip = TestImage.Compress(good, "gzip");
        var (bad, kind) = damage switch
        {
            "diff ID" => (StoreRig.Input(good, gzip) with { DiffId = StoreRig.DiffIdOf([1]) }, ErrorKind.Corrupt),
            "blob digest" => (StoreRig.Input(good, gzip) with { BlobDigest = StoreRig.DigestOf([1]) }, ErrorKind.Corrupt),
            "cut" => (StoreRig.Input(good, gzip) with { Open = () => new MemoryStream(gzip, 0, gzip.Length - 10) }, ErrorKind.Corrupt),
            "cut tar" => (StoreRig.Input(good) with { Open = () => new MemoryStream(good, 0, 5000) }, ErrorKind.Corrupt),
            "trailing" => (StoreRig.Input(good, gzip) with { Open = () => new MemoryStream([.. gzip, 1, 2, 3]) }, ErrorKind.Corrupt),
            "breakout" => (StoreRig.Input(new TarBuilder().Symlink("x", "/").File("../x/y", "z").ToArray()), ErrorKind.InvalidArgument),
            "bare whiteout" => (StoreRig.Input(new TarBuilder().File("a").File(".wh.").ToArray()), ErrorKind.InvalidArgument),
            "unreadable" => (StoreRig.Input(good) with { Open = () => throw StrataException.NotFound("gone") }, ErrorKind.NotFound),
            _ => throw new ArgumentException(damage),
        };
        // Alone, above a good one, and below a good one.
        foreach (var inputs in (LayerInput[][])[[bad], [StoreRig.Input(StoreRig.Tar(3)), bad], [StoreRig.Input(StoreRig.Tar(1)), bad, StoreRig.Input(StoreRig.Tar(4))]])
        {
            var e = Assert.ThrowsAny<StrataException>(() => rig.Store.RegisterLayers(inputs));
            Assert.Equal(kind, e.Kind);
            Assert.Equal(before, rig.State());
        }
        rig.Register(StoreRig.Tar(1), good); // and it still works
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_limit_leaves_nothing(string driver)
    {
        using var rig = new StoreRig(driver);
        string before = rig.State();
        using var limited = rig.Open(LayerLimits.Default with { MaxEntries = 5 });
        var e = Assert.ThrowsAny<StrataException>(() => limited.RegisterLayers([StoreRig.Input(StoreRig.Tar(1, files: 20))]));
        Assert.Equal(ErrorKind.Exhausted, e.Kind);
        Assert.Equal(before, rig.State());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_cancelled_registration_leaves_nothing(string driver)
    {
        using var rig = new StoreRig(driver);
        string before = rig.State();
        using var cancellation = new CancellationTokenSource();
        byte[] tar = StoreRig.Tar(1, files: 3000);
        var input = StoreRig.Input(tar) with { Open = () => new Hooked(new MemoryStream(tar), tar.Length / 2, cancellation.Cancel) };
        Assert.ThrowsAny<OperationCanceledException>(() => rig.Store.RegisterLayers([input, StoreRig.Input(StoreRig.Tar(2))], cancellationToken: cancellation.Token));
        Assert.Equal(before, rig.State());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Used_layers_stay_and_free_ones_go_from_the_top(string driver)
    {
        using var rig = new StoreRig(driver);
        string empty = rig.State();
        var layers = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2));
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveLayer(layers[0].ChainId)).Kind);
        rig.Store.CreateWritable("box", layers[1].ChainId);
        var used = Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveLayer(layers[1].ChainId));
        Assert.Equal(ErrorKind.FailedPrecondition, used.Kind);
        Assert.Contains("box", used.Message, StringComparison.Ordinal);
        rig.Store.RemoveWritable("box");
        rig.Store.RemoveLayer(layers[1].ChainId);
        rig.Store.RemoveLayer(layers[0].ChainId);
        Assert.Equal(ErrorKind.NotFound, Assert.ThrowsAny<StrataException>(() => rig.Store.RemoveLayer(layers[0].ChainId)).Kind);
        Assert.Equal(empty, rig.State());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Every_compression_gives_the_same_tar_back(string driver)
    {
        using var rig = new StoreRig(driver);
        foreach (string how in new[] { "none", "gzip", "zstd", "xz", "bzip2" })
        {
            // Odd padding and records that a writer of ours would not make.
            byte[] tar = new TarBuilder().Dir("./").Pax("comment", how).File("./a", how, mode: 0x9ED).Hardlink("./b", "./a").Symlink("c", "a").Whiteout("gone").Opaque("d").ToArray(endBlocks: 20);
            var layer = rig.Store.RegisterLayers([StoreRig.Input(tar, TestImage.Compress(tar, how))])[0];
            Assert.Equal(tar, rig.Give(layer));
        }
        Assert.Equal(5, rig.Store.ListLayers().Count);
    }

    [Fact]
    public void A_tar_changed_behind_the_store_is_found_when_the_layer_is_given_back()
    {
        using var rig = new StoreRig("erofs");
        var layer = rig.Register(StoreRig.Tar(1))[0];
        string tar = Directory.GetFiles(Path.Combine(rig.Root, "erofs"), "layer.tar", SearchOption.AllDirectories).Single();
        byte[] bytes = File.ReadAllBytes(tar);
        byte[] changed = (byte[])bytes.Clone();
        changed[600] ^= 1;
        File.WriteAllBytes(tar, changed);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
        File.WriteAllBytes(tar, bytes[..^512]);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
        File.WriteAllBytes(tar, bytes);
        Assert.Equal(bytes, rig.Give(layer));
    }

    [Theory, InlineData("overlay"), InlineData("vfs")]
    public void A_file_changed_behind_the_store_is_found_when_the_layer_is_given_back(string driver)
    {
        using var rig = new StoreRig(driver);
        var layer = rig.Register(StoreRig.Tar(1))[0];
        string file = Directory.EnumerateFiles(Path.Combine(rig.Root, driver), "file1", SearchOption.AllDirectories).Single(f => !f.Contains("/l/", StringComparison.Ordinal));
        string text = File.ReadAllText(file);

        File.WriteAllText(file, text.ToUpperInvariant());
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
        File.WriteAllText(file, text + "more");
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
        File.Delete(file);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
        File.WriteAllText(file, text);
        rig.Give(layer);
        string recipe = Directory.GetFiles(Path.Combine(rig.Root, "recipes")).Single();
        byte[] bytes = File.ReadAllBytes(recipe);
        bytes[bytes.Length / 2] ^= 0x55;
        File.WriteAllBytes(recipe, bytes);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
        File.Delete(recipe);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Give(layer)).Kind);
    }

    [Fact]
    public void A_parent_that_is_not_there_is_told()
    {
        using var rig = new StoreRig("vfs");
        var e = Assert.ThrowsAny<StrataException>(() => rig.Store.RegisterLayers([StoreRig.Input(StoreRig.Tar(1))], ChainId.Of(null, StoreRig.DiffIdOf([1]))));
        Assert.Equal(ErrorKind.NotFound, e.Kind);
        Assert.Empty(rig.Store.Driver.List());
    }

    /// <summary>Drivers and damages, each with each.</summary>
    private sealed class CombinatorialValuesAttribute : Xunit.v3.DataAttribute
    {
        public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(System.Reflection.MethodInfo testMethod, Xunit.Sdk.DisposalTracker disposalTracker) =>
            new([.. from driver in new[] { "erofs", "overlay", "vfs" }
                    from damage in new[] { "diff ID", "blob digest", "cut", "cut tar", "trailing", "breakout", "bare whiteout", "unreadable" }
                    select (ITheoryDataRow)new TheoryDataRow(driver, damage)]);

        public override bool SupportsDiscoveryEnumeration() => true;
    }

    /// <summary>Calls something when a place is passed.</summary>
    private sealed class Hooked(Stream inner, long place, Action passed) : ReadOnlyStream
    {
        private long _done;

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer[..Math.Min(buffer.Length, 10_000)]);
            if (_done < place && _done + read >= place)
                passed();
            _done += read;
            return read;
        }
    }
}
