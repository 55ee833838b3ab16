using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class ZstdTests
{
    private static readonly byte[] Skippable = [0x53, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5];

    [Fact]
    public void Frames_and_skippable_frames_are_read()
    {
        byte[] data = Samples.Text(400_000);
        byte[] whole = Samples.Join(Skippable, Samples.Zstd(data), Skippable, Samples.Zstd([]), Samples.Zstd(data[..77]), Skippable);
        Assert.Equal(Samples.Join(data, data[..77]), Samples.Decompress(whole, out var kind, dripBytes: 11));
        Assert.Equal(CompressionKind.Zstd, kind);
        Assert.Equal(Samples.Join(data, data[..77]), Samples.Decompress(whole, out _, bufferBytes: 1));
        Assert.Empty(Samples.Decompress(Skippable));
    }

    [Fact]
    public void Truncation_anywhere_is_corrupt()
    {
        byte[] first = Samples.Zstd(Samples.Text(500));
        byte[] whole = Samples.Join(first, Samples.Zstd(Samples.Noise(200)), Skippable);
        for (int length = 4; length < whole.Length; length++)
        {
            if (length != first.Length && length != whole.Length - Skippable.Length)
                Samples.Refused(whole[..length], $"the first {length} of {whole.Length} bytes");
        }
    }

    [Theory]
    [InlineData("00")]
    [InlineData("28")]
    [InlineData("28B52F")]
    [InlineData("28B52FFD")]
    [InlineData("532A4D18")]
    [InlineData("0000000000000000")]
    [InlineData("1F8B0800000000000003")]
    public void Anything_after_the_end_is_corrupt(string hex)
    {
        byte[] garbage = Convert.FromHexString(hex);
        Samples.Refused(Samples.Join(Samples.Zstd(Samples.Text(5000)), garbage), $"{hex} behind a frame");
        Samples.Refused(Samples.Join(Samples.Zstd(Samples.Text(5000)), Skippable, garbage), $"{hex} behind a skippable frame");
    }

    [Fact]
    public void Every_changed_byte_behind_the_header_is_corrupt()
    {
        byte[] whole = Samples.Zstd(Samples.Text(300));
        for (int at = 6; at < whole.Length; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x55;
            Samples.Refused(damaged, $"byte {at} of {whole.Length}");
        }
    }

    [Fact]
    public void A_window_over_the_limit_is_refused_with_advice()
    {
        // Window descriptor: exponent 20, that is 2^30 bytes; then one raw block of one byte.
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 20 << 3, 0x09, 0, 0, 7];
        Assert.Contains("--long", Samples.Refused(frame, "a window of 1 GiB", ErrorKind.Exhausted).Message, StringComparison.Ordinal);
        frame[5] = 17 << 3;
        Assert.Equal([7], Samples.Decompress(frame));
    }

    [Fact]
    public void A_dictionary_is_not_supported()
    {
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0x01, 0x50, 42, 0x09, 0, 0, 7];
        Samples.Refused(frame, "a frame that wants dictionary 42", ErrorKind.NotSupported);
    }
}
