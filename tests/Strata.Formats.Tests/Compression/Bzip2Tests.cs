using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class Bzip2Tests
{
    /// <summary>bzip2 of nothing: a stream without blocks.</summary>
    private static readonly byte[] Empty = Convert.FromHexString("425A683917724538509000000000");

    [Fact]
    public void Streams_one_after_the_other_are_read()
    {
        byte[] data = Samples.Text(1_000_000);
        byte[] whole = Samples.Join(Samples.Bzip2(data), Empty, Samples.Bzip2(data[..5]));
        Assert.Equal(Samples.Join(data, data[..5]), Samples.Decompress(whole, out var kind, dripBytes: 1000));
        Assert.Equal(CompressionKind.Bzip2, kind);
        Assert.Empty(Samples.Decompress(Empty));
    }

    [Fact]
    public void Truncation_anywhere_is_corrupt()
    {
        byte[] first = Samples.Bzip2(Samples.Text(300));
        byte[] whole = Samples.Join(first, Samples.Bzip2("x"u8.ToArray()));
        for (int length = 3; length < whole.Length; length++)
        {
            if (length != first.Length)
                Samples.Refused(whole[..length], $"the first {length} of {whole.Length} bytes");
        }
    }

    [Theory]
    [InlineData("00")]
    [InlineData("42")]
    [InlineData("425A68")]
    [InlineData("425A6830")]
    [InlineData("425A6839")]
    [InlineData("425A683931")]
    [InlineData("0000000000000000")]
    public void Anything_after_the_end_is_corrupt(string hex) =>
        Samples.Refused(Samples.Join(Samples.Bzip2(Samples.Text(500)), Convert.FromHexString(hex)), hex);

    [Fact]
    public void Every_changed_byte_is_corrupt()
    {
        byte[] whole = Samples.Bzip2(Samples.Text(300));
        for (int at = 4; at < whole.Length - 1; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x55;
            Samples.Refused(damaged, $"byte {at} of {whole.Length}");
        }
    }
}
