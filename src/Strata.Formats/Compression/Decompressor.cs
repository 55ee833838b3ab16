using SharpCompress.Compressors.BZip2;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Strata.Formats.Compression;

/// <summary>Finds out how data is compressed, and decompresses it: in this process, never with a program from somewhere.</summary>
/// <remarks>Truncation, damage and garbage after the end are errors of kind Corrupt. (CVE-2014-9357, CVE-2026-41567: external helpers.)</remarks>
public static class Decompressor
{
    /// <summary>The largest window that a zstd frame may ask for: 128 MiB, as the zstd program without <c>--long</c>.</summary>
    public const int MaxZstdWindowLog = 27;

    /// <summary>How many bytes <see cref="Detect"/> wants to see.</summary>
    public const int MagicBytes = 6;

    /// <summary>The kind, by the first bytes.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> first)
    {
        if (first.Length >= 2 && first[0] == 0x1F && first[1] == 0x8B)
            return CompressionKind.Gzip;
        if (first.StartsWith("BZh"u8))
            return CompressionKind.Bzip2;
        if (first.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]))
            return CompressionKind.Xz;
        if (first.Length >= 4 && (first.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])
            || ((first[0] & 0xF0) == 0x50 && first[1..4].SequenceEqual((ReadOnlySpan<byte>)[0x2A, 0x4D, 0x18]))))
            return CompressionKind.Zstd;
        return CompressionKind.None;
    }

    /// <summary>Opens data that may be compressed.</summary>
    /// <param name="compressed">Read forward, to its end. Disposed with the result unless <paramref name="leaveOpen"/>.</param>
    /// <param name="kind">What was found.</param>
    /// <param name="limits">How far it may expand; null: the defaults.</param>
    /// <param name="leaveOpen">True: <paramref name="compressed"/> stays open.</param>
    public static Stream Open(Stream compressed, out CompressionKind kind, LayerLimits? limits = null, bool leaveOpen = false)
    {
        var input = new InputBuffer(compressed, leaveOpen);
        kind = Detect(input.Peek(MagicBytes));
        if (kind == CompressionKind.None)
            return input;
        Stream decoder = kind switch
        {
            CompressionKind.Gzip => new GzipMembersStream(input),
            CompressionKind.Zstd => OpenZstd(input),
            CompressionKind.Xz => new XzStreamsStream(input),
            _ => BZip2Stream.Create(input, SharpCompress.Compressors.CompressionMode.Decompress, decompressConcatenated: true),
        };
        return new GuardedStream(decoder, input, kind, limits ?? LayerLimits.Default);
    }

    private static DecompressionStream OpenZstd(InputBuffer input)
    {
        var stream = new DecompressionStream(input, bufferSize: 128 * 1024, checkEndOfStream: true, leaveOpen: false);
        stream.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxZstdWindowLog);
        return stream;
    }

    /// <summary>Gives a decoder's errors their meaning, and stops bombs.</summary>
    private sealed class GuardedStream(Stream decoder, InputBuffer input, CompressionKind kind, LayerLimits limits) : ReadOnlyStream
    {
        private long _produced;

        public override int Read(Span<byte> buffer)
        {
            int read;
            try
            {
                read = decoder.Read(buffer);
            }
            catch (Exception e) when (e is not (StrataException or OperationCanceledException or OutOfMemoryException or ObjectDisposedException))
            {
                if (e is ZstdException { Code: ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge })
                    throw StrataException.Exhausted($"The zstd data wants a window larger than {1 << (MaxZstdWindowLog - 20)} MiB; compress it again without --long.", e);
                throw StrataException.Corrupt($"The {kind} data is truncated or damaged, near compressed offset {input.TakenBytes}: {e.Message}", e);
            }
            _produced += read;
            if (_produced > limits.RatioFreeBytes && _produced / limits.MaxCompressionRatio > input.TakenBytes)
                throw StrataException.Exhausted(
                    $"The {kind} data was refused: it expands more than {limits.MaxCompressionRatio} times. Raise the limit {nameof(LayerLimits.MaxCompressionRatio)} if you trust it.");
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                decoder.Dispose();
                input.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
