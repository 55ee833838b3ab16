using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class DecompressorTests
{
    [Theory]
    [InlineData("1F8B0800", CompressionKind.Gzip)]
    [InlineData("28B52FFD", CompressionKind.Zstd)]
    [InlineData("502A4D18", CompressionKind.Zstd)]
    [InlineData("5F2A4D18", CompressionKind.Zstd)]
    [InlineData("FD377A585A00", CompressionKind.Xz)]
    [InlineData("425A6839", CompressionKind.Bzip2)]
    [InlineData("602A4D18", CompressionKind.None)]
    [InlineData("1F", CompressionKind.None)]
    [InlineData("28B52F", CompressionKind.None)]
    [InlineData("", CompressionKind.None)]
    public void Kind_is_found_by_the_first_bytes(string hex, CompressionKind kind) =>
        Assert.Equal(kind, Decompressor.Detect(Convert.FromHexString(hex)));

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(1_000_000)]
    public void Plain_data_passes(int length)
    {
        byte[] data = Samples.Text(length);
        foreach (int bufferBytes in new[] { 100, 65_536, 2_000_000 })
        {
            Assert.Equal(data, Samples.Decompress(data, out var kind, bufferBytes: bufferBytes, dripBytes: 40_000));
            Assert.Equal(CompressionKind.None, kind);
        }
    }

    [Fact]
    public void A_bomb_is_refused_by_ratio_and_the_message_names_the_limit()
    {
        byte[] bomb = Samples.Zstd(new byte[32 << 20]);
        var limits = new LayerLimits { RatioFreeBytes = 1 << 20, MaxCompressionRatio = 1000 };
        var error = Assert.Throws<StrataException>(() => Samples.Decompress(bomb, out _, limits));
        Assert.Equal(ErrorKind.Exhausted, error.Kind);
        Assert.Contains(nameof(LayerLimits.MaxCompressionRatio), error.Message, StringComparison.Ordinal);
        Assert.Equal(32 << 20, Samples.Decompress(bomb, out _, limits with { MaxCompressionRatio = 1_000_000 }).Length);
        Assert.Equal(32 << 20, Samples.Decompress(bomb, out _, limits with { RatioFreeBytes = 32 << 20 }).Length);
        Assert.Throws<StrataException>(() => Samples.Decompress(Samples.Gzip(new byte[32 << 20]), out _, limits with { MaxCompressionRatio = 900 }));
        Assert.Equal(32 << 20, Samples.Decompress(Samples.Gzip(new byte[32 << 20])).Length);
    }

    [Theory]
    [InlineData(CompressionKind.None)]
    [InlineData(CompressionKind.Gzip)]
    [InlineData(CompressionKind.Zstd)]
    [InlineData(CompressionKind.Bzip2)]
    [InlineData(CompressionKind.Xz)]
    public void An_error_of_the_source_passes_through(CompressionKind kind)
    {
        byte[] data = kind switch
        {
            CompressionKind.Gzip => Samples.Gzip(Samples.Noise(900_000)),
            CompressionKind.Zstd => Samples.Zstd(Samples.Noise(900_000)),
            CompressionKind.Bzip2 => Samples.Bzip2(Samples.Text(2000)),
            CompressionKind.Xz => XzSamples.Crc64,
            _ => Samples.Text(900_000),
        };
        using var stream = Decompressor.Open(new DripStream(data, 64, failAt: data.Length / 2), out var found);
        Assert.Equal(kind, found);
        Assert.Equal("the disk is on fire", Assert.Throws<IOException>(() => stream.CopyTo(Stream.Null)).Message);
        Assert.Throws<IOException>(() => stream.CopyTo(Stream.Null));
    }

    [Fact]
    public void Reading_on_after_an_error_is_an_error_again()
    {
        byte[] data = Samples.Gzip(Samples.Text(100));
        using var stream = Decompressor.Open(new DripStream([.. data, 0]), out _);
        Assert.Throws<StrataException>(() => stream.CopyTo(Stream.Null));
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => stream.CopyTo(Stream.Null)).Kind);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Source_is_disposed_unless_it_is_to_stay_open(bool leaveOpen)
    {
        foreach (byte[] data in new[] { Samples.Gzip([1]), Samples.Zstd([1]), Samples.Bzip2([1]), XzSamples.Crc64, [1, 2, 3] })
        {
            var source = new DripStream(data);
            using (var stream = Decompressor.Open(source, out _, leaveOpen: leaveOpen))
            {
                stream.CopyTo(Stream.Null);
                Assert.False(source.Disposed);
            }
            Assert.Equal(!leaveOpen, source.Disposed);
        }
    }
}
