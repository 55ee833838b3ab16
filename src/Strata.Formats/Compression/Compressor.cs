using System.IO.Compression;
using ZstdSharp;

namespace Strata.Formats.Compression;

/// <summary>Compresses: the same bytes give the same bytes.</summary>
public static class Compressor
{
    /// <summary>A stream that compresses into another.</summary>
    /// <param name="destination">Where the compressed bytes go. Stays open.</param>
    /// <param name="kind">None, Gzip or Zstd.</param>
    /// <exception cref="StrataException">NotSupported: xz and bzip2 are only read.</exception>
    public static Stream Open(Stream destination, CompressionKind kind) => kind switch
    {
        CompressionKind.None => new BufferedStream(new Uncloseable(destination), 128 * 1024),
        CompressionKind.Gzip => new GZipStream(destination, CompressionLevel.Fastest, leaveOpen: true),
        CompressionKind.Zstd => new CompressionStream(destination, level: 3, leaveOpen: true),
        _ => throw StrataException.NotSupported($"{kind} is read, but not written. Choose gzip, zstd or none."),
    };

    private sealed class Uncloseable(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override void Write(ReadOnlySpan<byte> buffer) => inner.Write(buffer);
    }
}
