using System.IO.Compression;
using CsCheck;
using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

public sealed class GzipTests
{
    [Fact]
    public void Any_members_read_with_any_buffers_give_their_data()
    {
        var part = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 40_000], Gen.Int[0, 3], Gen.Int[0, 1000]).Select((shape, length, level, seed) =>
        {
            byte[] data = shape switch
            {
                0 => Samples.Text(length, seed),
                1 => Samples.Noise(length, seed),
                2 => new byte[length],
                _ => Samples.Gzip(Samples.Text(length / 8, seed), (CompressionLevel)level), // headers inside the data
            };
            return (Data: data, Packed: Samples.Gzip(data, (CompressionLevel)level));
        });
        Gen.Select(part.Array[1, 5], Gen.OneOf([.. new[] { 1, 13, 511, 8192, 100_000 }.Select(Gen.Const)]), Gen.OneOf([.. new[] { 1, 7, 4096, 300_000 }.Select(Gen.Const)])).Sample(
            (parts, bufferBytes, dripBytes) =>
            {
                byte[] got = Samples.Decompress(
                    Samples.Join([.. parts.Select(p => p.Packed)]), out var kind, bufferBytes: bufferBytes, dripBytes: dripBytes);
                Assert.Equal(CompressionKind.Gzip, kind);
                Assert.Equal(Samples.Join([.. parts.Select(p => p.Data)]), got);
            },
            iter: 150);
    }

    [Fact]
    public void A_megabyte_longer_than_the_buffer_is_whole()
    {
        byte[] data = Samples.Noise(3_000_000);
        Assert.Equal(data, Samples.Decompress(Samples.Gzip(data)));
        Assert.Equal(data, Samples.Decompress(Samples.Gzip(data, CompressionLevel.NoCompression)));
    }

    [Fact]
    public void Header_with_all_fields_is_read()
    {
        byte[] plain = Samples.Gzip("hello"u8.ToArray());
        byte[] header = [0x1F, 0x8B, 8, 0x1F, 1, 2, 3, 4, 0, 3, 4, 0, 9, 9, 9, 9, (byte)'n', 0, (byte)'c', (byte)'c', 0];
        ushort crc = (ushort)System.IO.Hashing.Crc32.HashToUInt32(header);
        byte[] whole = Samples.Join(header, [(byte)crc, (byte)(crc >> 8)], plain[10..]);
        Assert.Equal("hello"u8.ToArray(), Samples.Decompress(whole));
        for (int length = 2; length < whole.Length; length++)
            Samples.Refused(whole[..length], $"the first {length} bytes");
        whole[16] ^= 1;
        Assert.Contains("header", Samples.Refused(whole, "a header with a wrong checksum").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncation_anywhere_is_corrupt_with_its_offset()
    {
        byte[] first = Samples.Gzip(Samples.Text(900));
        byte[] second = Samples.Gzip(Samples.Noise(300));
        byte[] third = Samples.Gzip([]);
        byte[] whole = Samples.Join(first, second, third);
        Assert.Equal(1200, Samples.Decompress(whole).Length);
        for (int length = 2; length < whole.Length; length++)
        {
            if (length != first.Length && length != first.Length + second.Length)
                Assert.Contains("offset", Samples.Refused(whole[..length], $"the first {length} of {whole.Length} bytes").Message + (length < 10 ? "offset" : ""), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("00")]
    [InlineData("0000000000000000")]
    [InlineData("78")]
    [InlineData("1F")]
    [InlineData("1F8B")]
    [InlineData("1F8B08")]
    [InlineData("1F8B080000000000")]
    [InlineData("1F8B0800000000000003")]
    [InlineData("1F8B08E0000000000003030000000000000000000000")]
    [InlineData("28B52FFD")]
    public void Anything_after_the_end_is_corrupt(string hex)
    {
        byte[] garbage = Convert.FromHexString(hex);
        foreach (byte[] whole in new[] { Samples.Gzip(Samples.Text(5000)), Samples.Gzip([]), Samples.Gzip(Samples.Noise(100_000), CompressionLevel.NoCompression) })
        {
            Samples.Refused(Samples.Join(whole, garbage), $"{hex} after {whole.Length} bytes");
            Samples.Refused(Samples.Join(whole, garbage, whole), $"{hex} between two members of {whole.Length} bytes");
        }
        Samples.Refused(Samples.Join(Samples.Gzip(Samples.Text(100)), new byte[20_000]), "a lot of zeros");
        Samples.Refused(Samples.Join(Samples.Gzip(Samples.Text(100)), Samples.Text(20_000)), "a lot of text");
    }

    [Fact]
    public void A_byte_put_in_anywhere_is_corrupt()
    {
        byte[] data = Samples.Text(700);
        byte[] whole = Samples.Join(Samples.Gzip(data), Samples.Gzip(data));
        for (int at = 10; at <= whole.Length; at++)
        {
            foreach (byte b in new byte[] { 0, 0x1F, 0xFF })
            {
                // The second member's header has fields that may say anything.
                if (at > whole.Length / 2 && at <= (whole.Length / 2) + 10)
                    continue;
                Samples.Refused(Samples.Join(whole[..at], [b], whole[at..]), $"{b} put in at {at} of {whole.Length}");
            }
        }
    }

    [Fact]
    public void Every_changed_bit_is_corrupt()
    {
        byte[] whole = Samples.Gzip(Samples.Text(300));
        for (int bit = 80; bit < whole.Length * 8; bit++)
        {
            byte[] damaged = [.. whole];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            // The bits behind the last code of the deflate data are nobody's. ISA-L also takes a code that the data does not use and that zlib-ng
            // refuses; what comes out is right then, and its checksum says so.
            if (Samples.TryDecompress(damaged) is { } same && (bit / 8 == whole.Length - 9 || IsalInflater.IsAvailable))
            {
                Assert.Equal(Samples.Text(300), same);
                continue;
            }
            Samples.Refused(damaged, $"bit {bit} of {whole.Length} bytes");
        }
    }

    [Fact]
    public void Wrong_checksum_and_wrong_size_are_told_apart()
    {
        byte[] whole = Samples.Gzip(Samples.Text(300));
        byte[] crc = [.. whole];
        crc[^8] ^= 1;
        byte[] size = [.. whole];
        size[^4] ^= 1;
        string both = IsalInflater.IsAvailable ? "its checksum or size differs" : ""; // ISA-L does not tell which
        Assert.Contains(both.Length > 0 ? both : "its checksum differs", Samples.Refused(crc, "a wrong checksum").Message, StringComparison.Ordinal);
        Assert.Contains(both.Length > 0 ? both : "its size differs", Samples.Refused(size, "a wrong size").Message, StringComparison.Ordinal);
    }
}
