using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Sparse files: old GNU's header map, PAX 0.0, 0.1 and 1.0.</summary>
public class TarSparseTests
{
    private const string Whole = "\0\0\0\0\0\0\0\0\0\0abcde\0\0\0\0\0fgh\0\0\0\0\0\0\0";

    /// <summary>10 holes, 5 data, 5 holes, 3 data, 7 holes; as GNU writes it, with an empty extent at the end.</summary>
    private static readonly (long Offset, long Length)[] Map = [(10, 5), (20, 3), (30, 0)];

    internal static TarBytes Gnu(TarBytes tar, string name, string packed, long size, params (long Offset, long Length)[] map)
    {
        tar.Entry(name, type: 'S', size: packed.Length, magic: "ustar  \0", change: block =>
        {
            PutPairs(block, 386, map.Take(4));
            block[482] = (byte)(map.Length > 4 ? 1 : 0);
            TarBytes.Put(block, 483, TarBytes.Octal(size, 11), 12);
        });
        for (int at = 4; at < map.Length; at += 21)
        {
            byte[] block = new byte[512];
            PutPairs(block, 0, map.Skip(at).Take(21));
            block[504] = (byte)(map.Length > at + 21 ? 1 : 0);
            tar.Block(block);
        }
        return tar.Content(packed);
    }

    [Fact]
    public void Old_GNU_sparse_files_are_read()
    {
        byte[] tar = Gnu(new TarBytes(), "sparse", "abcdefgh", 30, Map).Entry("next").End();
        AssertSparse(TarListing.Of(tar));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(25)]
    [InlineData(26)]
    [InlineData(100)]
    public void Old_GNU_maps_go_on_in_extension_blocks(int count)
    {
        var map = Enumerable.Range(0, count).Select(i => (i * 10L, 1L)).ToArray();
        byte[] tar = Gnu(new TarBytes(), "sparse", new string('d', count), count * 10, map).Entry("next").End();
        var read = TarListing.Of(tar);
        Assert.Equal(["sparse", "next"], read.Select(r => r.Name));
        Assert.Equal(count, read[0].Entry.Extents!.Count);
        Assert.Equal(string.Concat(Enumerable.Repeat("d\0\0\0\0\0\0\0\0\0", count)), read[0].Text);
    }

    [Fact]
    public void Old_GNU_maps_may_have_base_256_numbers()
    {
        const long Offset = 10L << 30;
        byte[] tar = new TarBytes()
            .Entry("sparse", "data", type: 'S', magic: "ustar  \0", change: block =>
            {
                TarBytes.Base256(Offset, 12).CopyTo(block, 386);
                TarBytes.Put(block, 398, TarBytes.Octal(4, 11), 12);
                TarBytes.Base256(Offset + 4, 12).CopyTo(block, 483);
            })
            .End();
        using var reader = new TarReader(new MemoryStream(tar));
        var entry = reader.ReadNext(TestContext.Current.CancellationToken);
        Assert.Equal(Offset + 4, entry!.SizeBytes);
        Assert.Equal(Offset + 4, reader.Content.SizeBytes);
        Assert.Equal([new DataExtent(Offset, 4)], entry.Extents!);
        Assert.Equal("data"u8.ToArray(), TarListing.ReadContent(reader.Content, 3));
    }

    [Fact]
    public void PAX_0_0_repeats_its_keys()
    {
        byte[] tar = new TarBytes()
            .Pax(
                ("GNU.sparse.size", "30"), ("GNU.sparse.numblocks", "3"),
                ("GNU.sparse.offset", "10"), ("GNU.sparse.numbytes", "5"),
                ("GNU.sparse.offset", "20"), ("GNU.sparse.numbytes", "3"),
                ("GNU.sparse.offset", "30"), ("GNU.sparse.numbytes", "0"))
            .Entry("sparse", "abcdefgh").Entry("next").End();
        AssertSparse(TarListing.Of(tar));
    }

    [Fact]
    public void PAX_0_1_has_its_map_and_its_name_in_records()
    {
        byte[] tar = new TarBytes()
            .Pax(("GNU.sparse.size", "30"), ("GNU.sparse.numblocks", "3"), ("GNU.sparse.map", "10,5,20,3,30,0"), ("GNU.sparse.name", "sparse"), ("path", "./GNUSparseFile.1/sparse"))
            .Entry("./GNUSparseFile.1/sparse", "abcdefgh").Entry("next").End();
        AssertSparse(TarListing.Of(tar));
    }

    [Fact]
    public void PAX_1_0_has_its_map_before_the_data()
    {
        byte[] tar = Pax10(new TarBytes(), "3\n10\n5\n20\n3\n30\n0\n", "abcdefgh", 30).Entry("next").End();
        AssertSparse(TarListing.Of(tar));
        using var reader = new TarReader(new MemoryStream(tar));
        reader.ReadNext(TestContext.Current.CancellationToken);
        Assert.Equal(4 * 512, reader.DataOffsetBytes);
    }

    [Fact]
    public void PAX_1_0_maps_may_fill_many_blocks_and_split_numbers_between_them()
    {
        var map = Enumerable.Range(0, 500).Select(i => (i * 1001L, 1L)).ToArray();
        string text = $"{map.Length}\n" + string.Concat(map.Select(m => $"{m.Item1}\n{m.Item2}\n"));
        byte[] tar = Pax10(new TarBytes(), text, new string('d', map.Length), 600_000).Entry("next").End();
        var read = TarListing.Of(tar);
        Assert.Equal(["sparse", "next"], read.Select(r => r.Name));
        Assert.Equal(map.Select(m => new DataExtent(m.Item1, m.Item2)), read[0].Entry.Extents!);
        Assert.Equal(600_000, read[0].Content.Length);
        Assert.Equal(500, read[0].Content.Count(b => b == 'd'));
    }

    [Fact]
    public void Files_that_are_one_hole_have_a_size_and_no_data()
    {
        byte[] tar = Pax10(Gnu(new TarBytes(), "old", "", 5000, (5000, 0)), "0\n", "", 4000)
            .Pax(("GNU.sparse.size", "3000"), ("GNU.sparse.map", "")).Entry("new").Entry("next").End();
        var read = TarListing.Of(tar);
        Assert.Equal([5000, 4000, 3000, 0], read.Select(r => r.Entry.SizeBytes));
        Assert.All(read, r => Assert.Empty(r.Packed));
        Assert.All(read.Take(3), r => Assert.Empty(r.Entry.Extents!));
    }

    [Fact]
    public void The_packed_size_of_a_sparse_file_may_be_a_record()
    {
        byte[] tar = new TarBytes()
            .Pax(("size", "8"), ("GNU.sparse.size", "30"), ("GNU.sparse.map", "10,5,20,3"))
            .Entry("sparse", "abcdefgh", size: 0).Entry("next").End();
        AssertSparse(TarListing.Of(tar));
    }

    internal static TarBytes Pax10(TarBytes tar, string map, string packed, long size)
    {
        string padded = map.PadRight((map.Length + 511) / 512 * 512, '\0');
        return tar
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"), ("GNU.sparse.realsize", $"{size}"))
            .Entry("./GNUSparseFile.1/sparse", padded + packed);
    }

    private static void AssertSparse(List<TarListing.Read> read)
    {
        Assert.Equal(["sparse", "next"], read.Select(r => r.Name));
        Assert.Equal(Whole, read[0].Text);
        Assert.Equal([new DataExtent(10, 5), new DataExtent(20, 3)], read[0].Entry.Extents!);
    }

    private static void PutPairs(byte[] block, int at, IEnumerable<(long Offset, long Length)> pairs)
    {
        foreach (var (offset, length) in pairs)
        {
            TarBytes.Put(block, at, TarBytes.Octal(offset, 11), 12);
            TarBytes.Put(block, at + 12, TarBytes.Octal(length, 11), 12);
            at += 24;
        }
    }
}
