using Strata.Formats.Compression;

namespace Strata.Oci;

/// <summary>A layer that was made of the difference between two snapshots.</summary>
/// <param name="Descriptor">What was written.</param>
/// <param name="DiffId">Its uncompressed tar.</param>
public sealed record SnapshotLayer(Descriptor Descriptor, DiffId DiffId)
{
    /// <summary>True if a layer of a media type can be written.</summary>
    public static bool CanWrite(string mediaType) => FindCompression(mediaType) is not null;

    /// <summary>Compresses a difference, and says what it is.</summary>
    /// <param name="mediaType">One that <see cref="CanWrite"/>; empty: gzip.</param>
    /// <param name="difference">Writes the uncompressed tar.</param>
    /// <param name="destination">Where the layer goes; stays open.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">NotSupported: the media type.</exception>
    public static SnapshotLayer Write(string mediaType, Action<Stream, CancellationToken> difference, Stream destination, CancellationToken cancellationToken)
    {
        if (mediaType.Length == 0)
            mediaType = MediaTypes.LayerGzip;
        var kind = FindCompression(mediaType)
            ?? throw StrataException.NotSupported($"A layer can't be written as '{mediaType}': choose {MediaTypes.LayerTar}, {MediaTypes.LayerGzip} or {MediaTypes.LayerZstd}.");
        using var blob = new HashingStream(destination, leaveOpen: true);
        Digest diffId;
        using (var compressed = Compressor.Open(blob, kind))
        {
            using var tar = new HashingStream(compressed, leaveOpen: true);
            difference(tar, cancellationToken);
            tar.Flush();
            diffId = tar.Digest;
        }
        return new SnapshotLayer(new Descriptor(mediaType, blob.Digest, blob.CountBytes), new DiffId(diffId));
    }

    private static CompressionKind? FindCompression(string mediaType) => mediaType switch
    {
        "" or MediaTypes.LayerGzip or "application/vnd.docker.image.rootfs.diff.tar.gzip" => CompressionKind.Gzip,
        MediaTypes.LayerTar or "application/vnd.docker.image.rootfs.diff.tar" => CompressionKind.None,
        MediaTypes.LayerZstd or "application/vnd.docker.image.rootfs.diff.tar.zstd" => CompressionKind.Zstd,
        _ => null,
    };
}
