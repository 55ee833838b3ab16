namespace Strata.Formats.Tests.Tar;

/// <summary>Archives of every kind, built byte by byte: what recipes, truncation and fuzzing work on.</summary>
internal static class TarSamples
{
    internal static Dictionary<string, byte[]> All { get; } = new()
    {
        ["empty"] = [],
        ["end-only"] = new TarBytes().End(),
        ["v7"] = new TarBytes().Entry("dir/", type: '\0', magic: "").Entry("dir/file", "v7 content", type: '\0', magic: "").End(),
        ["ustar"] = new TarBytes().Entry("file", new string('u', 1000), prefix: "some/dir").Entry("link", type: '1', link: "some/dir/file").End(),
        ["gnu"] = new TarBytes()
            .LongName(new string('n', 300)).LongLink(new string('t', 200)).Entry("n", type: '2', link: "t", magic: "ustar  \0")
            .LongName(new string('m', 513)).Entry("m", new string('c', 5000), magic: "ustar  \0")
            .End(),
        ["pax"] = new TarBytes()
            .GlobalPax(("comment", "made of bytes"), ("uid", "7"))
            .Pax(("path", "n\xe4me"), ("mtime", "-1.5"), ("SCHILY.xattr.user.a", "\0\xff\n")).Entry("x", "pax content")
            .Pax(("LIBARCHIVE.xattr.user.b", "AP8")).Entry("dir/", type: '5')
            .End(),
        ["sparse-old-gnu"] = TarSparseTests.Gnu(new TarBytes(), "sparse", "abcdefgh", 30_000, (10_000, 5), (20_000, 3), (30_000, 0)).Entry("next", "n").End(),
        ["sparse-old-gnu-extended"] = TarSparseTests.Gnu(
            new TarBytes(), "sparse", new string('d', 60), 60_000, [.. Enumerable.Range(0, 60).Select(i => (i * 1000L, 1L))]).Entry("next", "n").End(),
        ["sparse-pax-0.0"] = new TarBytes()
            .Pax(("GNU.sparse.size", "30"), ("GNU.sparse.offset", "10"), ("GNU.sparse.numbytes", "5"), ("GNU.sparse.offset", "20"), ("GNU.sparse.numbytes", "3"))
            .Entry("sparse", "abcdefgh").Entry("next", "n").End(),
        ["sparse-pax-0.1"] = new TarBytes()
            .Pax(("GNU.sparse.size", "30"), ("GNU.sparse.map", "0,5,20,3"), ("GNU.sparse.name", "sparse"))
            .Entry("x", "abcdefgh").Entry("next", "n").End(),
        ["sparse-pax-1.0"] = TarSparseTests.Pax10(new TarBytes(), "3\n10\n5\n20\n3\n30\n0\n", "abcdefgh", 30).Entry("next", "n").End(),
        ["duplicates"] = new TarBytes().Entry("same", "first").Entry("other", "o").Entry("./same", "second").Entry("same", "third").End(),
        ["no-end-blocks"] = new TarBytes().Entry("file", "content").ToArray(),
        ["one-end-block"] = new TarBytes().Entry("file", "content").Zeros(512).ToArray(),
        ["blocking-factor-20"] = new TarBytes().Entry("file", "content").Zeros(10_240 - 1024).ToArray(),
        ["trailing-garbage"] = [.. new TarBytes().Entry("file", "content").End(), .. "garbage, and no whole block of it"u8],
        ["odd"] = new TarBytes()
            .Entry("junk\0behind the NUL", "0123456789abcdef", change: block => block[511] = 0xaa)
            .Block([.. new TarBytes().Entry("padding", "x").ToArray()[..513], .. new byte[500], .. "not zero..."u8])
            .Entry("file\xff", new string('z', 4096))
            .Entry("linked", type: '1', link: "file\xff", size: 4096)
            .Entry("zeros", new string('\0', 100_000))
            .Entry("empty")
            .Entry("device", type: '3')
            .Zeros(3000)
            .ToArray(),
    };
}
