using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>v7, ustar, GNU and star headers.</summary>
public class TarDialectTests
{
    [Fact]
    public void V7_headers_are_read()
    {
        byte[] tar = new TarBytes()
            .Entry("file", "hello", type: '\0', magic: "", uid: 1, gid: 2, mtime: 3)
            .Entry("dir/", type: '\0', magic: "")
            .Entry("link", type: '1', link: "file", magic: "")
            .Entry("symlink", type: '2', link: "file", magic: "")
            .End();
        Assert.Equal(
            [
                "RegularFile 644 1:2 5 3.000000000 file [hello]",
                "Directory 644 0:0 0 0.000000000 dir/",
                "HardLink 644 0:0 0 0.000000000 link -> file",
                "Symlink 644 0:0 0 0.000000000 symlink -> file",
            ],
            TarListing.Lines(tar));
    }

    [Fact]
    public void A_trailing_slash_makes_a_directory_only_of_typeflag_NUL()
    {
        byte[] tar = new TarBytes().Entry("a/", type: '\0').Entry("b/", type: '0').End();
        Assert.Equal([TarEntryType.Directory, TarEntryType.RegularFile], TarListing.Of(tar).Select(r => r.Entry.Type));
    }

    [Fact]
    public void Ustar_types_modes_and_devices_are_read()
    {
        static void Device(byte[] block)
        {
            TarBytes.Put(block, 329, "0000010\0", 8);
            TarBytes.Put(block, 337, "0000003\0", 8);
        }
        byte[] tar = new TarBytes()
            .Entry("c", type: '3', change: Device)
            .Entry("b", type: '4', change: Device)
            .Entry("d", type: '5', mode: 0x3FF | 0x200)
            .Entry("f", type: '6')
            .Entry("contiguous", "data", type: '7')
            .Entry("setuid", mode: 0x81ED | 0x800) // file type bits, as some writers put them, are dropped
            .Entry("whiteout", type: '3')
            .End();
        Assert.Equal(
            [
                "CharDevice 644 0:0 0 0.000000000 c 8:3",
                "BlockDevice 644 0:0 0 0.000000000 b 8:3",
                "Directory 1777 0:0 0 0.000000000 d",
                "Fifo 644 0:0 0 0.000000000 f",
                "RegularFile 644 0:0 4 0.000000000 contiguous [data]",
                "RegularFile 4755 0:0 0 0.000000000 setuid",
                "CharDevice 644 0:0 0 0.000000000 whiteout 0:0",
            ],
            TarListing.Lines(tar));
    }

    [Fact]
    public void The_prefix_of_ustar_is_joined_with_a_slash()
    {
        string prefix = new('p', 155), name = new('n', 100);
        byte[] tar = new TarBytes().Entry("file", prefix: "some/dir").Entry(name, prefix: prefix).End();
        Assert.Equal(["some/dir/file", prefix + "/" + name], TarListing.Of(tar).Select(r => r.Name));
    }

    [Fact]
    public void The_old_GNU_header_has_times_where_ustar_has_the_prefix()
    {
        byte[] tar = new TarBytes()
            .Entry("file", magic: "ustar  \0", change: block =>
            {
                TarBytes.Put(block, 345, "14717027324\0", 12); // access time
                TarBytes.Put(block, 357, "14717027324\0", 12); // change time
            })
            .End();
        Assert.Equal("file", TarListing.One(tar).Name);
    }

    [Fact]
    public void The_header_of_star_has_times_behind_a_shorter_prefix()
    {
        string prefix = new('p', 131);
        byte[] tar = new TarBytes()
            .Entry("file", prefix: prefix, change: block =>
            {
                TarBytes.Put(block, 476, "14717027324 ", 12);
                TarBytes.Put(block, 488, "14717027324 ", 12);
                TarBytes.Put(block, 508, "tar\0", 4);
            })
            .End();
        Assert.Equal(prefix + "/file", TarListing.One(tar).Name);
    }

    [Fact]
    public void GNU_long_names_and_links_of_any_length_are_read()
    {
        string name = string.Join('/', Enumerable.Repeat("component", 50)), target = new('t', 300);
        byte[] tar = new TarBytes()
            .LongName(name).Entry("short", "x", magic: "ustar  \0")
            .LongLink(target).LongName(name).Entry("short", type: '2', link: "short", magic: "ustar  \0")
            .Entry("next", magic: "ustar  \0")
            .End();
        var read = TarListing.Of(tar);
        Assert.Equal([name, name, "next"], read.Select(r => r.Name));
        Assert.Equal(target, TarBytes.Raw(target).Length == read[1].Entry.LinkName.Length ? target : "");
        Assert.Equal(TarBytes.Raw(target), read[1].Entry.LinkName);
    }

    [Fact]
    public void A_GNU_long_name_without_its_NUL_is_taken_whole_and_cut_at_the_first()
    {
        byte[] tar = new TarBytes()
            .Entry("././@LongLink", "no-nul", 'L').Entry("a")
            .Entry("././@LongLink", "cut\0junk\0", 'L').Entry("b")
            .End();
        Assert.Equal(["no-nul", "cut"], TarListing.Of(tar).Select(r => r.Name));
    }

    [Fact]
    public void Names_and_links_are_cut_at_their_first_NUL()
    {
        byte[] tar = new TarBytes().Entry("name\0junk", type: '2', link: "target\0junk").End();
        var read = TarListing.One(tar);
        Assert.Equal("name", read.Name);
        Assert.Equal("target"u8.ToArray(), read.Entry.LinkName);
    }

    [Fact]
    public void Names_that_are_not_UTF8_stay_as_they_are_and_apart()
    {
        byte[] tar = new TarBytes().Entry("caf\xe9").Entry("caf\xe8").LongName("\xff" + new string('n', 200)).Entry("x").End();
        Assert.Equal(["caf\xe9", "caf\xe8", "\xff" + new string('n', 200)], TarListing.Of(tar).Select(r => r.Name));
    }

    [Fact]
    public void Names_are_handed_out_as_stored_however_hostile()
    {
        byte[] tar = new TarBytes().Entry("../../etc/x").Entry("/abs//./x/").Entry("").Entry("s", type: '2', link: "/../../x").End();
        var read = TarListing.Of(tar);
        Assert.Equal(["../../etc/x", "/abs//./x/", "", "s"], read.Select(r => r.Name));
        Assert.Equal("/../../x"u8.ToArray(), read[3].Entry.LinkName);
    }

    [Fact]
    public void Base_256_numbers_are_read_negative_ones_too()
    {
        static Action<byte[]> Set(int offset, long value, int length) => block => TarBytes.Base256(value, length).CopyTo(block, offset);
        byte[] tar = new TarBytes()
            .Entry("size", "content", change: Set(124, 7, 12))
            .Entry("uid", change: Set(108, 3_000_000_000, 8))
            .Entry("gid", change: Set(116, 4_294_967_294, 8))
            .Entry("before1970", change: Set(136, -1, 12))
            .Entry("after2242", change: Set(136, 1L << 40, 12))
            .End();
        Assert.Equal(
            [
                "RegularFile 644 0:0 7 0.000000000 size [content]",
                "RegularFile 644 3000000000:0 0 0.000000000 uid",
                "RegularFile 644 0:4294967294 0 0.000000000 gid",
                "RegularFile 644 0:0 0 -1.000000000 before1970",
                "RegularFile 644 0:0 0 1099511627776.000000000 after2242",
            ],
            TarListing.Lines(tar));
    }

    [Theory]
    [InlineData("0000644\0")]
    [InlineData("   644 \0")]
    [InlineData("\0\0" + "644 \0\0")]
    [InlineData("000644 \0")]
    [InlineData("00000644")]
    public void Octal_numbers_may_be_padded_with_spaces_and_NULs(string field)
    {
        byte[] tar = new TarBytes().Entry("file", change: block => TarBytes.Put(block, 100, field, 8)).End();
        Assert.Equal(0x1A4, TarListing.One(tar).Entry.Mode);
    }

    [Fact]
    public void Blank_numbers_are_zero()
    {
        byte[] tar = new TarBytes()
            .Entry("file", change: block =>
            {
                block.AsSpan(100, 48).Clear();
                block.AsSpan(108, 8).Fill((byte)' ');
            })
            .End();
        Assert.Equal("RegularFile 0 0:0 0 0.000000000 file", TarListing.Line(TarListing.One(tar)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Checksums_of_signed_and_of_unsigned_bytes_are_right(bool signed)
    {
        byte[] block = new TarBytes().Entry("\xff\xfe\xfd").ToArray();
        TarBytes.Seal(block, signed);
        Assert.Equal("\xff\xfe\xfd", TarListing.One(new TarBytes().Block(block).End()).Name);
    }

    [Fact]
    public void A_hard_link_with_a_size_has_no_data()
    {
        byte[] tar = new TarBytes()
            .Entry("file", "content")
            .Entry("link", type: '1', link: "file", size: 7)
            .Entry("next", "more")
            .End();
        Assert.Equal(
            [
                "RegularFile 644 0:0 7 0.000000000 file [content]",
                "HardLink 644 0:0 0 0.000000000 link -> file",
                "RegularFile 644 0:0 4 0.000000000 next [more]",
            ],
            TarListing.Lines(tar));
    }

    [Fact]
    public void A_hard_link_whose_PAX_header_has_a_size_may_carry_data_which_is_skipped()
    {
        byte[] with = new TarBytes().Pax(("size", "7")).Entry("link", "content", type: '1', link: "file").Entry("next").End();
        byte[] without = new TarBytes().Pax(("size", "7")).Entry("link", type: '1', link: "file", size: 7).Entry("next").End();
        Assert.Equal(["link", "next"], TarListing.Of(with).Select(r => r.Name));
        Assert.Equal(["link", "next"], TarListing.Of(without).Select(r => r.Name));
    }

    [Theory]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('4')]
    [InlineData('5')]
    [InlineData('6')]
    public void Entries_that_only_name_something_have_no_data_whatever_their_size_says(char type)
    {
        byte[] tar = new TarBytes().Entry("x", type: type, link: "t", size: 1 << 20).Entry("next").End();
        var read = TarListing.Of(tar);
        Assert.Equal(["x", "next"], read.Select(r => r.Name));
        Assert.Equal(0, read[0].Entry.SizeBytes);
    }

    [Fact]
    public void A_volume_label_is_no_entry()
    {
        byte[] tar = new TarBytes().Entry("Label", type: 'V', magic: "ustar  \0").Entry("file").End();
        Assert.Equal("file", TarListing.One(tar).Name);
    }

    [Fact]
    public void Nothing_is_lost_when_the_source_gives_a_byte_at_a_time()
    {
        byte[] tar = new TarBytes()
            .Pax(("path", new string('p', 200)), ("SCHILY.xattr.user.a", "v")).Entry("x", new string('c', 3000))
            .LongName(new string('q', 200)).Entry("x", "end")
            .End();
        Assert.Equal(
            TarListing.Of(tar).Select(TarListing.Line),
            TarListing.Of(new SlowStream(tar, 1)).Select(TarListing.Line));
    }

    [Fact]
    public void Offsets_tell_where_headers_and_data_lie()
    {
        byte[] tar = new TarBytes().Pax(("path", "a")).Entry("x", "content").Entry("empty").Entry("dir", type: '5').End();
        using var reader = new TarReader(new MemoryStream(tar));
        Assert.Equal(-1, reader.EntryIndex);
        Assert.NotNull(reader.ReadNext(TestContext.Current.CancellationToken));
        Assert.Equal((0, 1024, 1536), (reader.EntryIndex, reader.HeaderOffsetBytes, reader.DataOffsetBytes));
        Assert.NotNull(reader.ReadNext(TestContext.Current.CancellationToken));
        Assert.Equal((1, 2048, -1), (reader.EntryIndex, reader.HeaderOffsetBytes, reader.DataOffsetBytes));
        Assert.NotNull(reader.ReadNext(TestContext.Current.CancellationToken));
        Assert.Null(reader.ReadNext(TestContext.Current.CancellationToken));
        Assert.Equal(tar.Length, reader.PositionBytes);
        Assert.Null(reader.ReadNext(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_source_is_closed_unless_it_is_to_stay_open(bool leaveOpen)
    {
        var source = new SlowStream(new TarBytes().End(), 512);
        new TarReader(source, new TarReaderOptions { LeaveOpen = leaveOpen }).Dispose();
        Assert.Equal(!leaveOpen, source.WasDisposed);
    }
}
