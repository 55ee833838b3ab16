using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Strata.Formats.Compression;

/// <summary>Compresses: the same bytes give the same bytes, whenever it is done (no names, no times).</summary>
public static class Compressor
{
    private const int BufferBytes = 128 * 1024;

    /// <summary>A stream that compresses into another. Dispose it to write the end.</summary>
    /// <param name="destination">Where the compressed bytes go.</param>
    /// <param name="kind">None, Gzip or Zstd.</param>
    /// <param name="level">1 to 9 for gzip, 1 to 22 for zstd; null: gzip 1 and zstd 3, the fast ones.</param>
    /// <param name="leaveOpen">True: <paramref name="destination"/> stays open.</param>
    /// <exception cref="StrataException">NotSupported: xz and bzip2 are only read. InvalidArgument: there is no such level.</exception>
    public static Stream Open(Stream destination, CompressionKind kind, int? level = null, bool leaveOpen = true)
    {
        ArgumentNullException.ThrowIfNull(destination);
        switch (kind)
        {
            case CompressionKind.None:
                return new BufferedStream(new Uncloseable(destination, leaveOpen), BufferBytes);
            case CompressionKind.Gzip:
                return new GZipStream(destination, new ZLibCompressionOptions { CompressionLevel = Level(kind, level ?? 1, 9) }, leaveOpen);
            case CompressionKind.Zstd:
                var zstd = new CompressionStream(destination, Level(kind, level ?? 3, 22), leaveOpen: leaveOpen);
                zstd.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
                return zstd;
            default:
                throw StrataException.NotSupported($"{kind} is read, but not written. Choose gzip, zstd or none.");
        }
    }

    private static int Level(CompressionKind kind, int level, int highest) =>
        level >= 1 && level <= highest
            ? level
            : throw StrataException.InvalidArgument($"{kind} has no compression level {level}; it has 1 to {highest}.");

    /// <summary>Lets the buffer around it be disposed without the destination.</summary>
    private sealed class Uncloseable(Stream inner, bool leaveOpen) : WriteOnlyStream
    {
        public override void Flush() => inner.Flush();

        public override void Write(ReadOnlySpan<byte> buffer) => inner.Write(buffer);

        protected override void Dispose(bool disposing)
        {
            if (disposing && !leaveOpen)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
