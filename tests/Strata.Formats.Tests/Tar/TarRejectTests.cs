using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Broken and hostile archives: each an error of a kind and with words that help, never a wrong file.</summary>
public class TarRejectTests
{
    private static readonly Dictionary<string, (ErrorKind Kind, string Says, byte[] Tar)> Cases = new()
    {
        // Headers.
        ["checksum"] = (ErrorKind.Corrupt, "checksum (at offset 512)", new TarBytes().Entry("a").Block(Changed(new TarBytes().Entry("b").ToArray(), 0)).End()),
        ["checksum-field-not-octal"] = (ErrorKind.Corrupt, "checksum", Changed(new TarBytes().Entry("b").End(), 149)),
        ["checksum-field-empty"] = (ErrorKind.Corrupt, "checksum", new TarBytes().Block([.. new TarBytes().Entry("b").ToArray()[..148], .. new byte[364]]).End()),
        ["text-instead-of-a-header"] = (ErrorKind.Corrupt, "offset 0", TarBytes.Raw(new string('t', 1024))),
        ["size-not-octal"] = (ErrorKind.Corrupt, "size", With(124, "0000000008\0")),
        ["size-with-a-sign"] = (ErrorKind.Corrupt, "size", With(124, "-0000000001\0")),
        ["size-negative"] = (ErrorKind.Corrupt, "size", WithBase256(124, -512, 12)),
        ["size-wider-than-64-bits"] = (ErrorKind.Corrupt, "size", With(124, "\x80\x01\0\0\0\0\0\0\0\0\0\0")),
        ["size-of-64-bits"] = (ErrorKind.Exhausted, nameof(LayerLimits.MaxContentBytes), WithBase256(124, long.MaxValue, 12)),
        ["mode-not-octal"] = (ErrorKind.Corrupt, "mode", With(100, "rwxr-xr")),
        ["mtime-not-octal"] = (ErrorKind.Corrupt, "mtime", With(136, "yesterday")),
        ["uid-not-octal"] = (ErrorKind.Corrupt, "uid", With(108, "root")),
        ["uid-negative"] = (ErrorKind.InvalidArgument, "uid -1", WithBase256(108, -1, 8)),
        ["uid-2^32-1"] = (ErrorKind.InvalidArgument, "uid 4294967295", WithBase256(108, uint.MaxValue, 8)),
        ["uid-2^32"] = (ErrorKind.InvalidArgument, "uid 4294967296", WithBase256(108, 1L << 32, 8)),
        ["gid-2^32"] = (ErrorKind.InvalidArgument, "gid 4294967296", WithBase256(116, 1L << 32, 8)),
        ["device-2^32"] = (ErrorKind.InvalidArgument, "device", new TarBytes()
            .Entry("c", type: '3', change: block => TarBytes.Base256(1L << 32, 8).CopyTo(block, 329)).End()),
        ["device-not-octal"] = (ErrorKind.Corrupt, "device", new TarBytes().Entry("c", type: '3', change: block => TarBytes.Put(block, 337, "loop", 8)).End()),
        ["type-unknown"] = (ErrorKind.NotSupported, "type 'Q'", new TarBytes().Entry("x", type: 'Q').End()),
        ["type-multi-volume"] = (ErrorKind.NotSupported, "type 'M'", new TarBytes().Entry("x", type: 'M').End()),
        ["type-dump-directory"] = (ErrorKind.NotSupported, "type 'D'", new TarBytes().Entry("x", type: 'D').End()),
        ["type-not-ASCII"] = (ErrorKind.NotSupported, "type '\\xff'", new TarBytes().Entry("x", type: '\xff').End()),

        // PAX.
        ["pax-uid-99999999999"] = (ErrorKind.InvalidArgument, "uid 99999999999", Pax(("uid", "99999999999"))),
        ["pax-uid-2^64"] = (ErrorKind.Corrupt, "uid", Pax(("uid", "18446744073709551616"))),
        ["pax-uid-negative"] = (ErrorKind.InvalidArgument, "uid -1", Pax(("uid", "-1"))),
        ["pax-uid-fraction"] = (ErrorKind.Corrupt, "uid", Pax(("uid", "1.5"))),
        ["pax-gid-2^32-1"] = (ErrorKind.InvalidArgument, "gid 4294967295", Pax(("gid", "4294967295"))),
        ["pax-size-negative"] = (ErrorKind.Corrupt, "negative size", Pax(("size", "-1"))),
        ["pax-size-overflow"] = (ErrorKind.Corrupt, "size", Pax(("size", "9223372036854775808"))),
        ["pax-size-64-bits"] = (ErrorKind.Exhausted, nameof(LayerLimits.MaxContentBytes), Pax(("size", "9223372036854775807"))),
        ["pax-size-text"] = (ErrorKind.Corrupt, "size", Pax(("size", "12x"))),
        ["pax-sizes-that-overflow-together"] = (ErrorKind.Exhausted, nameof(LayerLimits.MaxContentBytes), new TarBytes()
            .Pax(("GNU.sparse.size", "8000000000000"), ("GNU.sparse.map", "")).Entry("a")
            .Pax(("GNU.sparse.size", "9223372036854775807"), ("GNU.sparse.map", "")).Entry("b").End()),
        ["pax-mtime-text"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "now"))),
        ["pax-mtime-point"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "."))),
        ["pax-mtime-two-points"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "1.2.3"))),
        ["pax-mtime-minus"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "-"))),
        ["pax-mtime-exponent"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "1e9"))),
        ["pax-mtime-overflow"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "9223372036854775808"))),
        ["pax-mtime-underflow"] = (ErrorKind.Corrupt, "mtime", Pax(("mtime", "-9223372036854775808.1"))),
        ["pax-path-NUL"] = (ErrorKind.Corrupt, "NUL in path", Pax(("path", "a\0b"))),
        ["pax-linkpath-NUL"] = (ErrorKind.Corrupt, "NUL in linkpath", Pax(("linkpath", "a\0b"))),
        ["pax-sparse-name-NUL"] = (ErrorKind.Corrupt, "NUL in GNU.sparse.name", Pax(("GNU.sparse.name", "a\0b"))),
        ["pax-xattr-not-base64"] = (ErrorKind.Corrupt, "base64", Pax(("LIBARCHIVE.xattr.user.a", "*"))),
        ["pax-xattr-base64-cut"] = (ErrorKind.Corrupt, "base64", Pax(("LIBARCHIVE.xattr.user.a", "AAAAA"))),
        ["pax-record-without-newline"] = (ErrorKind.Corrupt, "length", PaxText("10 path=ab.")),
        ["pax-record-too-long"] = (ErrorKind.Corrupt, "length", PaxText("99 path=ab\n")),
        ["pax-record-length-0"] = (ErrorKind.Corrupt, "length", PaxText("0 path=ab\n")),
        ["pax-record-length-negative"] = (ErrorKind.Corrupt, "length", PaxText("-10 path=ab\n")),
        ["pax-record-length-overflow"] = (ErrorKind.Corrupt, "length", PaxText("4294967306 path=ab\n")),
        ["pax-record-length-only"] = (ErrorKind.Corrupt, "length", PaxText("2")),
        ["pax-record-no-length"] = (ErrorKind.Corrupt, "length", PaxText("path=ab\n")),
        ["pax-record-no-equals"] = (ErrorKind.Corrupt, "key", PaxText("8 abcde\n")),
        ["pax-record-no-key"] = (ErrorKind.Corrupt, "key", PaxText("8 =abcd\n")),
        ["pax-record-behind-NULs"] = (ErrorKind.Corrupt, "length", PaxText("\0\0\0" + TarBytes.Record("path", "a"))),
        ["pax-without-entry"] = (ErrorKind.Corrupt, "no entry after it (at offset 1024)", new TarBytes().Pax(("path", "a")).End()),
        ["pax-without-entry-or-end"] = (ErrorKind.Corrupt, "no entry after it", new TarBytes().Pax(("path", "a")).ToArray()),
        ["long-name-without-entry"] = (ErrorKind.Corrupt, "no entry after it", new TarBytes().LongName("a").End()),
        ["long-link-without-entry"] = (ErrorKind.Corrupt, "no entry after it", new TarBytes().LongLink("a").End()),
        ["long-name-that-ends-early"] = (ErrorKind.Corrupt, "extended header", new TarBytes().Entry("././@LongLink", type: 'L', size: 5000).ToArray()),
        ["pax-of-4-GiB"] = (ErrorKind.Exhausted, nameof(LayerLimits.MaxExtendedHeaderBytes), new TarBytes()
            .Entry("x", type: 'x', change: block => TarBytes.Base256(4L << 30, 12).CopyTo(block, 124)).End()),
        ["long-names-without-end"] = (ErrorKind.Exhausted, nameof(LayerLimits.MaxExtendedHeaderBytes), ManyLongNames()),

        // Sparse files.
        ["sparse-1.0-map-not-a-number"] = (ErrorKind.Corrupt, "no number", Sparse10("1\nx\n5\n")),
        ["sparse-1.0-map-negative"] = (ErrorKind.Corrupt, "no number", Sparse10("1\n-10\n5\n")),
        ["sparse-1.0-map-empty"] = (ErrorKind.Corrupt, "number", Sparse10("\n")),
        ["sparse-1.0-map-NULs"] = (ErrorKind.Corrupt, "number", Sparse10("\0")),
        ["sparse-1.0-map-shorter-than-told"] = (ErrorKind.Corrupt, "number", Sparse10("2\n10\n8\n")),
        ["sparse-1.0-map-cut-off"] = (ErrorKind.Corrupt, "map is cut off", new TarBytes()
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "30")).Entry("s", "short").End()),
        ["sparse-1.0-number-without-end"] = (ErrorKind.Corrupt, "no number", Sparse10(new string('1', 512))),
        ["sparse-1.0-count-2^40"] = (ErrorKind.Corrupt, "number", Sparse10("1099511627776\n1\n2\n")),
        ["sparse-1.0-overflow"] = (ErrorKind.Corrupt, "does not fit", Sparse10("1\n9223372036854775807\n8\n")),
        ["sparse-1.0-too-little-data"] = (ErrorKind.Corrupt, "its map says 7", Sparse10("1\n10\n7\n")),
        ["sparse-1.0-too-much-data"] = (ErrorKind.Corrupt, "its map says 9", Sparse10("1\n10\n9\n")),
        ["sparse-1.0-beyond-the-size"] = (ErrorKind.Corrupt, "does not fit", Sparse10("1\n25\n8\n")),
        ["sparse-1.0-falling"] = (ErrorKind.Corrupt, "does not fit", Sparse10("2\n20\n4\n10\n4\n")),
        ["sparse-1.0-overlapping"] = (ErrorKind.Corrupt, "does not fit", Sparse10("2\n10\n4\n12\n4\n")),
        ["sparse-2.0"] = (ErrorKind.NotSupported, "2.0", Pax(("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "1"))),
        ["sparse-no-size"] = (ErrorKind.Corrupt, "size", Pax(("GNU.sparse.map", "0,0"))),
        ["sparse-no-map"] = (ErrorKind.Corrupt, "map", Pax(("GNU.sparse.size", "10"))),
        ["sparse-size-negative"] = (ErrorKind.Corrupt, "sparse", Pax(("GNU.sparse.size", "-1"), ("GNU.sparse.map", ""))),
        ["sparse-0.1-odd-map"] = (ErrorKind.Corrupt, "odd", Pax(("GNU.sparse.size", "10"), ("GNU.sparse.map", "1,2,3"))),
        ["sparse-0.1-map-text"] = (ErrorKind.Corrupt, "GNU.sparse.map", Pax(("GNU.sparse.size", "10"), ("GNU.sparse.map", "1,,2"))),
        ["sparse-0.1-map-negative-length"] = (ErrorKind.Corrupt, "does not fit", Pax(("GNU.sparse.size", "10"), ("GNU.sparse.map", "5,-2"))),
        ["sparse-0.0-not-in-pairs"] = (ErrorKind.Corrupt, "pairs", Pax(("GNU.sparse.size", "9"), ("GNU.sparse.offset", "1"), ("GNU.sparse.offset", "2"))),
        ["sparse-0.0-length-first"] = (ErrorKind.Corrupt, "pairs", Pax(("GNU.sparse.size", "9"), ("GNU.sparse.numbytes", "1"), ("GNU.sparse.offset", "2"))),
        ["sparse-0.0-half-a-pair"] = (ErrorKind.Corrupt, "odd", Pax(("GNU.sparse.size", "9"), ("GNU.sparse.offset", "1"))),
        ["sparse-old-beyond-the-size"] = (ErrorKind.Corrupt, "does not fit", TarSparseTests.Gnu(new TarBytes(), "s", "12345678", 10, (5, 8)).End()),
        ["sparse-old-wrong-sum"] = (ErrorKind.Corrupt, "its map says 9", TarSparseTests.Gnu(new TarBytes(), "s", "12345678", 30, (5, 9)).End()),
        ["sparse-old-map-cut-off"] = (ErrorKind.Corrupt, "map of a sparse file", new TarBytes()
            .Entry("s", type: 'S', change: block => block[482] = 1).ToArray()),
        ["sparse-old-size-negative"] = (ErrorKind.Corrupt, "sparse", new TarBytes()
            .Entry("s", type: 'S', change: block => TarBytes.Base256(-1, 12).CopyTo(block, 483)).End()),
        ["sparse-old-size-not-octal"] = (ErrorKind.Corrupt, "sparse", new TarBytes()
            .Entry("s", type: 'S', change: block => TarBytes.Put(block, 483, "big", 12)).End()),

        // Ends.
        ["lone-zero-block"] = (ErrorKind.Corrupt, "lone zero block stands between entries (at offset 512)", new TarBytes().Entry("a").Zeros(512).Entry("b").End()),
        ["garbage-behind-an-entry"] = (ErrorKind.Corrupt, "header block", [.. new TarBytes().Entry("a").ToArray(), .. "garbage"u8]),
        ["a-byte-of-zero"] = (ErrorKind.Corrupt, "511 bytes short", [0]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Reject(string name)
    {
        var (kind, says, tar) = Cases[name];
        var error = Assert.Throws<StrataException>(() => TarListing.Drain(tar));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Equal(kind, error.Kind);
    }

    [Fact]
    public void An_error_stays_an_error_when_more_is_asked_for()
    {
        byte[] tar = new TarBytes().Entry("a", size: 100).ToArray();
        using var reader = new TarReader(new MemoryStream(tar));
        Assert.NotNull(reader.ReadNext(TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => reader.ReadNext(TestContext.Current.CancellationToken)).Kind);
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => reader.ReadNext(TestContext.Current.CancellationToken)).Kind);
    }

    [Fact]
    public void Content_behind_a_refused_header_is_never_read_as_headers()
    {
        string hidden = System.Text.Encoding.Latin1.GetString(new TarBytes().Entry("hidden").ToArray());
        byte[] tar = new TarBytes().Pax(("uid", "-1")).Entry("refused", hidden).Entry("next").End();
        using var reader = new TarReader(new MemoryStream(tar));
        for (int i = 0; i < 3; i++)
            Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => reader.ReadNext(TestContext.Current.CancellationToken)).Kind);
    }

    private static byte[] Changed(byte[] block, int at)
    {
        block[at] ^= 0x55;
        return block;
    }

    private static byte[] With(int offset, string field) => new TarBytes().Entry("x", change: block =>
    {
        block.AsSpan(offset, field.Length > 8 ? 12 : 8).Clear();
        TarBytes.Put(block, offset, field, 12);
    }).End();

    private static byte[] WithBase256(int offset, long value, int length) =>
        new TarBytes().Entry("x", change: block => TarBytes.Base256(value, length).CopyTo(block, offset)).End();

    private static byte[] Pax(params (string Key, string Value)[] records) => new TarBytes().Pax(records).Entry("x").End();

    private static byte[] PaxText(string text) => new TarBytes().PaxText(text).Entry("x").End();

    private static byte[] Sparse10(string map) => TarSparseTests.Pax10(new TarBytes(), map, "abcdefgh", 30).End();

    private static byte[] ManyLongNames()
    {
        var tar = new TarBytes();
        string name = new('n', 1 << 20);
        for (int i = 0; i < 5; i++)
            tar.LongName(name);
        return tar.Entry("x").End();
    }
}
