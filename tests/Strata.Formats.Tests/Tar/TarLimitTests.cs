using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>Every limit is reached exactly, and passed by one.</summary>
public class TarLimitTests
{
    private static readonly byte[] ThreeFiles = new TarBytes().Entry("a", "12345").Entry("b", "12345").Entry("c", "12345").End();

    [Fact]
    public void Max_entries() => AssertLimit(ThreeFiles, nameof(LayerLimits.MaxEntries), 3, (l, n) => l with { MaxEntries = n });

    [Fact]
    public void Max_tar_bytes() => AssertLimit(ThreeFiles, nameof(LayerLimits.MaxTarBytes), ThreeFiles.Length, (l, n) => l with { MaxTarBytes = n });

    [Fact]
    public void Max_content_bytes() => AssertLimit(ThreeFiles, nameof(LayerLimits.MaxContentBytes), 15, (l, n) => l with { MaxContentBytes = n });

    [Fact]
    public void Max_content_bytes_counts_holes() => AssertLimit(
        new TarBytes().Pax(("GNU.sparse.size", "1000000"), ("GNU.sparse.map", "")).Entry("bomb").End(),
        nameof(LayerLimits.MaxContentBytes), 1_000_000, (l, n) => l with { MaxContentBytes = n });

    [Fact]
    public void Max_extended_header_bytes() => AssertLimit(
        new TarBytes().PaxText(TarBytes.Record("path", new string('p', 90))).LongName(new string('n', 98)).Entry("x").Pax(("path", "y")).Entry("x").End(),
        nameof(LayerLimits.MaxExtendedHeaderBytes), 99 + 99, (l, n) => l with { MaxExtendedHeaderBytes = n });

    [Fact]
    public void Max_xattr_value_bytes() => AssertLimit(
        new TarBytes().Pax(("SCHILY.xattr.user.a", "12345")).Entry("x").End(),
        nameof(LayerLimits.MaxXattrValueBytes), 5, (l, n) => l with { MaxXattrValueBytes = n });

    [Fact]
    public void Max_xattr_value_bytes_of_libarchives_form() => AssertLimit(
        new TarBytes().Pax(("LIBARCHIVE.xattr.user.a", "MTIzNDU")).Entry("x").End(),
        nameof(LayerLimits.MaxXattrValueBytes), 5, (l, n) => l with { MaxXattrValueBytes = n });

    [Fact]
    public void Max_xattr_total_bytes_counts_names_and_values_of_one_entry_each_once() => AssertLimit(
        new TarBytes()
            .Pax(("SCHILY.xattr.user.a", "12345"), ("SCHILY.xattr.user.a", "12345"), ("SCHILY.xattr.user.b", "12345")).Entry("x")
            .Pax(("SCHILY.xattr.user.c", "12345")).Entry("y").End(),
        nameof(LayerLimits.MaxXattrTotalBytes), 2 * (6 + 5), (l, n) => l with { MaxXattrTotalBytes = n });

    [Theory]
    [InlineData("sparse-old-gnu-extended", 60)]
    [InlineData("sparse-pax-0.0", 2)]
    [InlineData("sparse-pax-0.1", 2)]
    [InlineData("sparse-pax-1.0", 3)]
    public void Max_sparse_extents(string sample, int count) =>
        AssertLimit(TarSamples.All[sample], nameof(LayerLimits.MaxSparseExtents), count, (l, n) => l with { MaxSparseExtents = n });

    private static void AssertLimit(byte[] tar, string limit, int most, Func<LayerLimits, int, LayerLimits> set)
    {
        Assert.NotEmpty(TarListing.Of(tar, new TarReaderOptions { Limits = set(LayerLimits.Default, most) }));
        var error = Assert.Throws<StrataException>(() => TarListing.Of(tar, new TarReaderOptions { Limits = set(LayerLimits.Default, most - 1) }));
        Assert.Equal(ErrorKind.Exhausted, error.Kind);
        Assert.Contains($"Raise the limit {limit}", error.Message, StringComparison.Ordinal);
    }
}
