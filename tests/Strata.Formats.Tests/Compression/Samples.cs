using System.IO.Compression;
using Strata.Formats.Compression;

namespace Strata.Formats.Tests.Compression;

/// <summary>Makes compressed data and reads it back.</summary>
internal static class Samples
{
    internal static byte[] Text(int length, int seed = 1)
    {
        var random = new Random(seed);
        byte[] text = new byte[length];
        for (int i = 0; i < length; i++)
            text[i] = (byte)("etaoin shrdlu\n"[random.Next(14)]);
        return text;
    }

    internal static byte[] Noise(int length, int seed = 1)
    {
        byte[] noise = new byte[length];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    internal static byte[] Gzip(byte[] data, CompressionLevel level = CompressionLevel.Optimal)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, level, leaveOpen: true))
            gzip.Write(data);
        // The framework writes nothing at all for no data.
        return result.Length > 0 ? result.ToArray() : [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    }

    internal static byte[] Zstd(byte[] data)
    {
        using var result = new MemoryStream();
        using (var zstd = Compressor.Open(result, CompressionKind.Zstd))
            zstd.Write(data);
        return result.ToArray();
    }

    internal static byte[] Bzip2(byte[] data)
    {
        using var result = new MemoryStream();
        using (var bzip2 = SharpCompress.Compressors.BZip2.BZip2Stream.Create(result, SharpCompress.Compressors.CompressionMode.Compress, false, leaveOpen: true))
            bzip2.Write(data, 0, data.Length);
        return result.ToArray();
    }

    internal static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(part => part)];

    /// <summary>Decompresses through a stream that can't seek and gives a few bytes at a time.</summary>
    /// <summary>Decompresses; gzip with both inflaters, which must agree where both take it.</summary>
    internal static byte[] Decompress(byte[] data, out CompressionKind kind, LayerLimits? limits = null, int bufferBytes = 65_536, int dripBytes = int.MaxValue)
    {
        if (Decompressor.Detect(data) != CompressionKind.Gzip || !IsalInflater.IsAvailable)
            return DecompressOnce(data, out kind, limits, bufferBytes, dripBytes);
        byte[]? other = null;
        ErrorKind? refused = null;
        Decompressor.WithoutIsal = true;
        try
        {
            other = DecompressOnce(data, out _, limits, bufferBytes, dripBytes);
        }
        catch (StrataException e)
        {
            refused = e.Kind;
        }
        finally
        {
            Decompressor.WithoutIsal = false;
        }
        try
        {
            byte[] result = DecompressOnce(data, out kind, limits, bufferBytes, dripBytes);
            if (refused is null)
                Assert.Equal(other, result);
            return result; // where zlib-ng refused, the caller judges
        }
        catch (StrataException e)
        {
            Assert.Equal(refused, e.Kind);
            throw;
        }
    }

    private static byte[] DecompressOnce(byte[] data, out CompressionKind kind, LayerLimits? limits, int bufferBytes, int dripBytes)
    {
        using var stream = Decompressor.Open(new DripStream(data, dripBytes), out kind, limits);
        using var result = new MemoryStream();
        byte[] buffer = new byte[bufferBytes];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
            result.Write(buffer, 0, read);
        Assert.Equal(0, stream.Read(buffer));
        return result.ToArray();
    }

    internal static byte[] Decompress(byte[] data) => Decompress(data, out _);

    /// <summary>Null if the data is refused.</summary>
    internal static byte[]? TryDecompress(byte[] data)
    {
        try
        {
            return Decompress(data);
        }
        catch (StrataException)
        {
            return null;
        }
    }

    /// <summary>Asserts that data is refused; returns the error.</summary>
    internal static StrataException Refused(byte[] data, string what, ErrorKind kind = ErrorKind.Corrupt)
    {
        try
        {
            byte[] got = Decompress(data);
            throw new Xunit.Sdk.XunitException($"{what} was accepted, as {got.Length} bytes.");
        }
        catch (StrataException e)
        {
            Assert.True(e.Kind == kind, $"{what}: {e.Kind} instead of {kind}: {e.Message}");
            return e;
        }
    }
}
