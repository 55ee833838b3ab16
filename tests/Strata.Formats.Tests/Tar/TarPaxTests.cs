using System.Text;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>PAX extended headers.</summary>
public class TarPaxTests
{
    [Fact]
    public void Records_replace_what_the_header_says()
    {
        byte[] tar = new TarBytes()
            .Pax(("path", "long/name"), ("linkpath", "long/target"), ("uid", "3000000000"), ("gid", "4294967294"), ("mtime", "1.5"), ("comment", "x"), ("atime", "junk"))
            .Entry("x", type: '2', link: "y", uid: 1, gid: 2, mtime: 3)
            .Pax(("size", "5"))
            .Entry("file", "hello", size: 0)
            .Entry("next")
            .End();
        Assert.Equal(
            [
                "Symlink 644 3000000000:4294967294 0 1.500000000 long/name -> long/target",
                "RegularFile 644 0:0 5 0.000000000 file [hello]",
                "RegularFile 644 0:0 0 0.000000000 next",
            ],
            TarListing.Lines(tar));
    }

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1700000000", 1700000000, 0)]
    [InlineData("1.123456789", 1, 123456789)]
    [InlineData("1.1234567899", 1, 123456789)]
    [InlineData("1.5", 1, 500000000)]
    [InlineData("1.", 1, 0)]
    [InlineData(".25", 0, 250000000)]
    [InlineData("-1", -1, 0)]
    [InlineData("-0.5", -1, 500000000)]
    [InlineData("-1.5", -2, 500000000)]
    [InlineData("-1.000000001", -2, 999999999)]
    [InlineData("-1.0000000001", -2, 999999999)]
    [InlineData("-1.9999999999", -2, 0)]
    [InlineData("-0", 0, 0)]
    [InlineData("9223372036854775807.999999999", long.MaxValue, 999999999)]
    [InlineData("-9223372036854775808", long.MinValue, 0)]
    public void Times_keep_nine_digits_and_are_rounded_down(string text, long seconds, int nanoseconds) =>
        Assert.Equal(
            new FileTime(seconds, nanoseconds),
            TarListing.One(new TarBytes().Pax(("mtime", text)).Entry("x").End()).Entry.Mtime);

    [Fact]
    public void A_global_header_applies_to_all_later_entries_until_a_local_one_overrides_it()
    {
        byte[] tar = new TarBytes()
            .Entry("before")
            .GlobalPax(("mtime", "7.25"), ("uid", "77"), ("comment", "0123456789abcdef"))
            .Entry("a", mtime: 1)
            .Pax(("mtime", "8")).Entry("b")
            .Pax(("mtime", ""), ("uid", "")).Entry("c", mtime: 2, uid: 5)
            .Entry("d")
            .GlobalPax(("mtime", "9"))
            .Entry("e")
            .GlobalPax(("mtime", ""))
            .Entry("f", mtime: 3)
            .End();
        Assert.Equal(
            [
                "RegularFile 644 0:0 0 0.000000000 before",
                "RegularFile 644 77:0 0 7.250000000 a",
                "RegularFile 644 77:0 0 8.000000000 b",
                "RegularFile 644 5:0 0 2.000000000 c",
                "RegularFile 644 77:0 0 7.250000000 d",
                "RegularFile 644 77:0 0 9.000000000 e",
                "RegularFile 644 77:0 0 3.000000000 f",
            ],
            TarListing.Lines(tar));
    }

    [Fact]
    public void A_global_header_between_a_local_one_and_its_entry_takes_nothing_away()
    {
        byte[] tar = new TarBytes().Pax(("path", "name"), ("uid", "1")).GlobalPax(("uid", "2"), ("gid", "3")).Entry("x").Entry("y").End();
        Assert.Equal(["RegularFile 644 1:3 0 0.000000000 name", "RegularFile 644 2:3 0 0.000000000 y"], TarListing.Lines(tar));
    }

    [Fact]
    public void The_last_of_two_extended_headers_before_an_entry_counts()
    {
        byte[] tar = new TarBytes().Pax(("path", "first"), ("uid", "1")).Pax(("gid", "2")).Entry("x").End();
        Assert.Equal("RegularFile 644 0:2 0 0.000000000 x", TarListing.Line(TarListing.One(tar)));
    }

    [Fact]
    public void The_last_of_duplicate_keys_counts()
    {
        byte[] tar = new TarBytes()
            .Pax(("path", "one"), ("SCHILY.xattr.user.a", "1"), ("path", "two"), ("SCHILY.xattr.user.a", "2"))
            .Entry("x")
            .End();
        Assert.Equal("RegularFile 644 0:0 0 0.000000000 two user.a=32", TarListing.Line(TarListing.One(tar)));
    }

    [Fact]
    public void A_PAX_name_wins_over_a_GNU_name()
    {
        byte[] tar = new TarBytes().LongName("gnu").Pax(("path", "pax")).Entry("x").Pax(("path", "pax")).LongName("gnu").Entry("x").End();
        Assert.Equal(["pax", "pax"], TarListing.Of(tar).Select(r => r.Name));
    }

    [Fact]
    public void Extended_attributes_are_bytes_and_sorted()
    {
        byte[] acl = [2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x0a, 0x3d];
        byte[] tar = new TarBytes()
            .Pax(
                ("SCHILY.xattr.user.b", "line\nline = x"),
                ("SCHILY.xattr.system.posix_acl_access", Encoding.Latin1.GetString(acl)),
                ("SCHILY.xattr.user.empty", ""),
                ("SCHILY.xattr.user.\xe9", "\xe9"))
            .Entry("x")
            .Entry("next")
            .End();
        var read = TarListing.Of(tar);
        Assert.Equal(
            ["system.posix_acl_access", "user.b", "user.empty", "user.\xe9"],
            read[0].Entry.Xattrs.Select(x => Encoding.Latin1.GetString(x.Name)));
        Assert.Equal(acl, read[0].Entry.Xattrs[0].Value);
        Assert.Equal("line\nline = x"u8.ToArray(), read[0].Entry.Xattrs[1].Value);
        Assert.Empty(read[0].Entry.Xattrs[2].Value);
        Assert.Equal([0xe9], read[0].Entry.Xattrs[3].Value);
        Assert.Empty(read[1].Entry.Xattrs);
    }

    [Fact]
    public void Libarchives_attributes_are_decoded_and_SCHILYs_win_in_any_order()
    {
        byte[] tar = new TarBytes()
            .Pax(("LIBARCHIVE.xattr.user.a%3Db%25", "AP8="), ("LIBARCHIVE.xattr.user.c", "/w"), ("SCHILY.xattr.user.c", "s"))
            .Entry("x")
            .Pax(("SCHILY.xattr.user.c", "s"), ("LIBARCHIVE.xattr.user.c", "/w=="), ("LIBARCHIVE.xattr.user.d", ""), ("LIBARCHIVE.xattr.user.100%", "/w"))
            .Entry("y")
            .GlobalPax(("SCHILY.xattr.user.c", "global"))
            .Pax(("LIBARCHIVE.xattr.user.c", "/w"))
            .Entry("z")
            .End();
        Assert.Equal(
            [
                "RegularFile 644 0:0 0 0.000000000 x user.a=b%=00FF user.c=73",
                "RegularFile 644 0:0 0 0.000000000 y user.100%=FF user.c=73 user.d=",
                "RegularFile 644 0:0 0 0.000000000 z user.c=FF",
            ],
            TarListing.Lines(tar));
    }

    [Fact]
    public void Names_in_records_are_bytes_whatever_charset_they_claim()
    {
        byte[] tar = new TarBytes()
            .Pax(("hdrcharset", "BINARY"), ("path", "caf\xe9"), ("linkpath", "\xff\xfe")).Entry("x", type: '2', link: "y")
            .Pax(("hdrcharset", "ISO-IR 10646 2000 UTF-8"), ("path", "caf\xc3\xa9\n=x")).Entry("x")
            .End();
        var read = TarListing.Of(tar);
        Assert.Equal(["caf\xe9", "caf\xc3\xa9\n=x"], read.Select(r => r.Name));
        Assert.Equal([0xff, 0xfe], read[0].Entry.LinkName);
    }

    [Fact]
    public void Solariss_extended_headers_are_PAX() =>
        Assert.Equal("name", TarListing.One(new TarBytes().PaxText(TarBytes.Record("path", "name"), 'X').Entry("x").End()).Name);

    [Fact]
    public void NULs_behind_the_records_and_an_empty_header_are_accepted()
    {
        byte[] tar = new TarBytes().PaxText(TarBytes.Record("path", "name") + "\0\0\0").Entry("x").PaxText("").Entry("y").End();
        Assert.Equal(["name", "y"], TarListing.Of(tar).Select(r => r.Name));
    }

    [Fact]
    public void An_extended_header_larger_than_the_buffer_is_read()
    {
        string value = new('v', 60_000);
        var records = Enumerable.Range(0, 15).Select(i => ($"SCHILY.xattr.user.{i:D2}", value)).ToArray();
        var read = TarListing.One(new TarBytes().Pax(records).Entry("x", "content").End());
        Assert.Equal(15, read.Entry.Xattrs.Count);
        Assert.All(read.Entry.Xattrs, x => Assert.Equal(60_000, x.Value.Length));
        Assert.Equal("content", read.Text);
    }
}
