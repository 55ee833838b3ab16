using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class XzTests
{
    [Theory]
    [InlineData(nameof(XzSamples.Crc64))]
    [InlineData(nameof(XzSamples.Crc32Blocks))]
    [InlineData(nameof(XzSamples.Sha256))]
    [InlineData(nameof(XzSamples.NoCheck))]
    [InlineData(nameof(XzSamples.SizesInBlocks))]
    public void Every_check_and_many_blocks_are_read(string sample)
    {
        foreach (int bufferBytes in new[] { 1, 1000, 65_536 })
        {
            byte[] data = Samples.Decompress(XzSamples.Of(sample), out var kind, bufferBytes: bufferBytes, dripBytes: 10);
            Assert.Equal(CompressionKind.Xz, kind);
            Assert.Equal(XzSamples.TextDigest, Digest.Sha256(System.Security.Cryptography.SHA256.HashData(data)).ToString());
        }
    }

    [Fact]
    public void Streams_with_padding_between_and_behind_are_read()
    {
        byte[] text = Samples.Decompress(XzSamples.Crc64);
        Assert.Empty(Samples.Decompress(XzSamples.Empty));
        Assert.Equal(
            Samples.Join(text, text),
            Samples.Decompress(Samples.Join(XzSamples.Crc64, new byte[8], XzSamples.Empty, XzSamples.Sha256, new byte[400_000])));
    }

    [Theory]
    [InlineData(nameof(XzSamples.Crc64))]
    [InlineData(nameof(XzSamples.Crc32Blocks))]
    [InlineData(nameof(XzSamples.SizesInBlocks))]
    public void Truncation_anywhere_is_corrupt(string sample)
    {
        byte[] first = XzSamples.Of(sample);
        byte[] whole = Samples.Join(first, XzSamples.Empty);
        for (int length = 6; length < whole.Length; length++)
        {
            if (length != first.Length)
                Assert.Contains("offset", Samples.Refused(whole[..length], $"the first {length} of {whole.Length} bytes").Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("00")]
    [InlineData("000000")]
    [InlineData("0000000000")]
    [InlineData("FD")]
    [InlineData("FD377A585A00")]
    [InlineData("0000000078")]
    [InlineData("1F8B0800000000000003")]
    public void Anything_after_the_end_is_corrupt(string hex) =>
        Samples.Refused(Samples.Join(XzSamples.Crc64, Convert.FromHexString(hex)), hex);

    [Theory]
    [InlineData(nameof(XzSamples.Crc64))]
    [InlineData(nameof(XzSamples.Crc32Blocks))]
    [InlineData(nameof(XzSamples.Sha256))]
    [InlineData(nameof(XzSamples.SizesInBlocks))]
    [InlineData(nameof(XzSamples.Empty))]
    public void Every_changed_byte_is_corrupt(string sample)
    {
        byte[] whole = XzSamples.Of(sample);
        byte[] data = Samples.Decompress(whole);
        int ignored = 0;
        for (int at = 6; at < whole.Length; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x55;
            // The first byte of each LZMA chunk is zero and means nothing; the library does not look at it.
            if (whole[at] == 0 && (Samples.TryDecompress(damaged)?.SequenceEqual(data) ?? false))
                ignored++;
            else
                Samples.Refused(damaged, $"byte {at} of {whole.Length}");
        }
        Assert.True(ignored <= 3, $"{ignored} bytes mean nothing, but there are at most three chunks.");
    }

    [Fact]
    public void A_dictionary_over_the_limit_is_refused_before_it_is_allocated()
    {
        long before = GC.GetTotalAllocatedBytes();
        Assert.Contains("256 MiB", Samples.Refused(XzSamples.HugeDictionary, "256 MiB", ErrorKind.Exhausted).Message, StringComparison.Ordinal);
        Assert.True(GC.GetTotalAllocatedBytes() - before < 100_000_000);
    }

    [Fact]
    public void Other_filters_are_not_supported() =>
        Assert.Contains("filters", Samples.Refused(XzSamples.X86Filter, "x86 code", ErrorKind.NotSupported).Message, StringComparison.Ordinal);

    [Fact]
    public void Checksum_is_that_of_xz()
    {
        var crc = XzCrc64.Create();
        crc.Append("123456789"u8);
        Assert.Equal(0x995DC9BBDF1939FAu, crc.Value); // CRC-64/XZ's check value
    }
}
