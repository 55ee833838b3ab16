using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Where archives end, and where they must not.</summary>
public class TarEndTests
{
    public static TheoryData<string> Names => [.. TarSamples.All.Keys];

    /// <summary>
    /// A tar cut anywhere is corrupt, but for two places where nothing shows that it was cut: right behind an entry (as GNU tar, libarchive and Go
    /// accept it), and in what follows the entries.
    /// </summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void A_truncated_tar_is_corrupt_or_ends_between_two_entries(string name)
    {
        byte[] tar = TarSamples.All[name];
        var whole = TarListing.Lines(tar);
        var ends = Ends(tar);
        int[] inBlock = [0, 1, 257, 511];
        foreach (int length in Enumerable.Range(0, (tar.Length / 512) + 1).SelectMany(block => inBlock.Select(at => (block * 512) + at)))
        {
            if (length >= tar.Length)
                break;
            byte[] cut = tar[..length];
            int entries = name == "pax" && length == 1024 ? 0 : ends.IndexOf(length); // a global header may stand alone
            bool inTheEnd = length > ends[^1] && (length - ends[^1]) is 512 or >= 1024;
            if (entries >= 0 || inTheEnd)
            {
                Assert.Equal(whole[..(entries >= 0 ? entries : whole.Length)], TarListing.Lines(cut));
                continue;
            }
            var error = Assert.Throws<StrataException>(() => TarListing.Of(cut));
            Assert.True(error.Kind == ErrorKind.Corrupt, $"{name} cut at {length}: {error.Message}");
            Assert.Contains("offset", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_empty_source_is_an_empty_archive() => Assert.Empty(TarListing.Of([]));

    [Fact]
    public void One_zero_block_at_the_end_is_enough() =>
        Assert.Equal("a", TarListing.One(new TarBytes().Entry("a").Zeros(512).ToArray()).Name);

    [Fact]
    public void The_source_is_read_to_its_last_byte_and_the_raw_copy_is_whole()
    {
        foreach (var (name, tar) in TarSamples.All)
        {
            var source = new SlowStream(tar, 1000);
            var copy = new MemoryStream();
            using var reader = new TarReader(source, new TarReaderOptions { RawCopy = copy });
            while (reader.ReadNext(TestContext.Current.CancellationToken) is { })
                reader.Content.ReadChunk(3); // part of the content; the rest is skipped
            Assert.True(source.IsAtEnd, name);
            Assert.Equal(tar.Length, reader.PositionBytes);
            Assert.Equal(tar, copy.ToArray());
        }
    }

    [Fact]
    public void What_stands_behind_the_end_blocks_is_no_entry() =>
        Assert.Equal("a", TarListing.One([.. new TarBytes().Entry("a").End(), .. new TarBytes().Entry("b").End()]).Name);

    [Fact]
    public void Contents_that_are_not_read_are_skipped()
    {
        byte[] tar = new TarBytes().Entry("a", new string('a', 2_000_000)).Entry("b", "b").End();
        using var reader = new TarReader(new SlowStream(tar, 100_000));
        Assert.Equal("a"u8.ToArray(), reader.ReadNext(TestContext.Current.CancellationToken)!.Name);
        Assert.Equal("b"u8.ToArray(), reader.ReadNext(TestContext.Current.CancellationToken)!.Name);
        Assert.Equal("b"u8.ToArray(), reader.Content.ReadChunk(10).ToArray());
        Assert.True(reader.Content.ReadChunk(10).IsEmpty);
        Assert.Null(reader.ReadNext(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_is_skipped_in_a_source_that_can_seek_is_not_read_but_must_be_there()
    {
        byte[] tar = new TarBytes().Entry("a", new string('a', 5_000_000)).Entry("b", "b").End();
        using var reader = new TarReader(new MemoryStream(tar));
        Assert.Equal("a"u8.ToArray(), reader.ReadNext(TestContext.Current.CancellationToken)!.Name);
        reader.Content.ReadChunk(10);
        Assert.Equal("b"u8.ToArray(), reader.ReadNext(TestContext.Current.CancellationToken)!.Name);
        Assert.Null(reader.ReadNext(TestContext.Current.CancellationToken));
        Assert.Equal(tar.Length, reader.PositionBytes);

        using var cut = new TarReader(new MemoryStream(tar[..4_000_000]));
        cut.ReadNext(TestContext.Current.CancellationToken);
        var error = Assert.Throws<StrataException>(() => cut.ReadNext(TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.Corrupt, error.Kind);
        Assert.Contains("1000512 bytes short (at offset 4000000)", error.Message, StringComparison.Ordinal);

        using var huge = new TarReader(new MemoryStream(new TarBytes().Pax(("size", "8000000000000")).Entry("a").ToArray()));
        huge.ReadNext(TestContext.Current.CancellationToken);
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => huge.ReadNext(TestContext.Current.CancellationToken)).Kind);

        using var limited = new TarReader(new MemoryStream(tar), new TarReaderOptions { Limits = LayerLimits.Default with { MaxTarBytes = 3_000_000 } });
        limited.ReadNext(TestContext.Current.CancellationToken);
        Assert.Equal(ErrorKind.Exhausted, Assert.Throws<StrataException>(() => limited.ReadNext(TestContext.Current.CancellationToken)).Kind);
    }

    [Fact]
    public void Reading_can_be_cancelled_inside_a_large_content()
    {
        using var source = new CancellationTokenSource();
        using var reader = new TarReader(new SlowStream(new TarBytes().Entry("a", new string('a', 2_000_000)).End(), 1000));
        reader.ReadNext(source.Token);
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => reader.ReadNext(source.Token));
        Assert.InRange(reader.PositionBytes, 512, 10_000);
    }

    [Fact]
    public void A_disposed_reader_reads_nothing()
    {
        var reader = new TarReader(new MemoryStream());
        reader.Dispose();
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.ReadNext(TestContext.Current.CancellationToken));
    }

    /// <summary>The offsets behind the first n entries, n from 0.</summary>
    private static List<long> Ends(byte[] tar)
    {
        var ends = new List<long> { 0 };
        using var reader = new TarReader(new MemoryStream(tar));
        while (reader.ReadNext(TestContext.Current.CancellationToken) is { })
        {
            long packed = TarListing.ReadContent(reader.Content, 1 << 20).Length;
            ends.Add(reader.PositionBytes + ((512 - (packed % 512)) % 512));
        }
        return ends;
    }
}
