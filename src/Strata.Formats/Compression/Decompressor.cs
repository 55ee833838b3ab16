namespace Strata.Formats.Compression;

/// <summary>Finds out how data is compressed, and decompresses it: in this process, never with a program from somewhere.</summary>
/// <remarks>
/// <para>Truncation, damage and anything after the end, zeros included, are errors of kind Corrupt that name the compressed offset. The one
/// exception is xz's stream padding, which belongs to the format. (CVE-2014-9357, CVE-2026-41567: external helpers.)</para>
/// <para>An error of the compressed stream itself, such as an I/O error, passes through unchanged.</para>
/// </remarks>
public static class Decompressor
{
    /// <summary>How many bytes <see cref="Detect"/> wants to see.</summary>
    public const int MagicBytes = 6;

    /// <summary>True: streams that this thread opens are inflated by the framework though ISA-L is installed. For tests.</summary>
    [field: ThreadStatic]
    internal static bool WithoutIsal { get; set; }

    /// <summary>The kind, by the first bytes. What is not known counts as not compressed.</summary>
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

    /// <summary>Opens data that may be compressed, as a stream that is read forward.</summary>
    /// <param name="compressed">Read forward, to its end; need not be seekable. Disposed with the result unless <paramref name="leaveOpen"/>; not disposed if this throws.</param>
    /// <param name="kind">What was found.</param>
    /// <param name="limits">How far it may expand; null: the defaults.</param>
    /// <param name="leaveOpen">True: <paramref name="compressed"/> stays open.</param>
    /// <returns>
    /// The data. Reading it throws StrataException. Corrupt: truncated, damaged, or something follows it. Exhausted: it expands too far, or wants
    /// more than 128 MiB of memory. NotSupported: a dictionary (zstd), filters (xz). Not safe for many threads.
    /// </returns>
    public static Stream Open(Stream compressed, out CompressionKind kind, LayerLimits? limits = null, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        var input = new InputBuffer(compressed, leaveOpen);
        kind = Detect(input.Peek(MagicBytes));
        Stream? decoder = kind switch
        {
            CompressionKind.Gzip => new GzipMembersStream(input, WithoutIsal || !IsalInflater.IsAvailable ? null : new IsalInflater(input)),
            CompressionKind.Zstd => new ZstdFramesStream(input),
            CompressionKind.Xz => new XzStreamsStream(input),
            CompressionKind.Bzip2 => new Bzip2StreamsStream(input),
            _ => null,
        };
        return decoder is null ? input : new GuardedStream(decoder, input, kind, limits ?? LayerLimits.Default);
    }
}
