using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class CompressorTests
{
    [Theory]
    [InlineData(CompressionKind.None, null)]
    [InlineData(CompressionKind.Gzip, null)]
    [InlineData(CompressionKind.Gzip, 9)]
    [InlineData(CompressionKind.Zstd, null)]
    [InlineData(CompressionKind.Zstd, 19)]
    public void What_was_compressed_comes_back_and_is_the_same_each_time(CompressionKind kind, int? level)
    {
        byte[] data = Samples.Text(300_000);
        byte[] first = Pack(data, kind, level);
        Assert.Equal(first, Pack(data, kind, level));
        Assert.Equal(data, Samples.Decompress(first, out var found));
        Assert.Equal(kind, found);
    }

    [Fact]
    public void Gzip_header_has_no_name_and_no_time()
    {
        byte[] packed = Pack(Samples.Text(100), CompressionKind.Gzip, 6);
        Assert.Equal("1F8B080000000000", Convert.ToHexString(packed.AsSpan(0, 8)));
    }

    [Fact]
    public void Zstd_frames_carry_a_checksum() => Assert.NotEqual(0, Pack(Samples.Text(100), CompressionKind.Zstd, null)[4] & 4);

    [Theory]
    [InlineData(CompressionKind.Gzip, 0)]
    [InlineData(CompressionKind.Gzip, 10)]
    [InlineData(CompressionKind.Zstd, 23)]
    public void A_level_that_does_not_exist_is_refused(CompressionKind kind, int level) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => Compressor.Open(Stream.Null, kind, level)).Kind);

    [Fact]
    public void Xz_and_bzip2_are_only_read()
    {
        Assert.Equal(ErrorKind.NotSupported, Assert.Throws<StrataException>(() => Compressor.Open(Stream.Null, CompressionKind.Xz)).Kind);
        Assert.Equal(ErrorKind.NotSupported, Assert.Throws<StrataException>(() => Compressor.Open(Stream.Null, CompressionKind.Bzip2)).Kind);
    }

    [Theory]
    [InlineData(CompressionKind.None)]
    [InlineData(CompressionKind.Gzip)]
    [InlineData(CompressionKind.Zstd)]
    public void Destination_is_disposed_only_if_asked_for(CompressionKind kind)
    {
        foreach (bool leaveOpen in new[] { true, false })
        {
            var destination = new MemoryStream();
            using (var stream = Compressor.Open(destination, kind, leaveOpen: leaveOpen))
                stream.WriteByte(7);
            Assert.Equal(leaveOpen, destination.CanWrite);
            Assert.Equal([7], Samples.Decompress(destination.ToArray()));
        }
    }

    private static byte[] Pack(byte[] data, CompressionKind kind, int? level)
    {
        using var result = new MemoryStream();
        using (var stream = Compressor.Open(result, kind, level))
            stream.Write(data);
        return result.ToArray();
    }
}
