namespace Strata.Oci;

/// <summary>The media types of images (image-spec, media-types.md) and Docker's equivalents.</summary>
public static class MediaTypes
{
    /// <summary>An image's manifest.</summary>
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";

    /// <summary>An index: a list of manifests.</summary>
    public const string Index = "application/vnd.oci.image.index.v1+json";

    /// <summary>An image's config.</summary>
    public const string Config = "application/vnd.oci.image.config.v1+json";

    /// <summary>A layer that is not compressed.</summary>
    public const string LayerTar = "application/vnd.oci.image.layer.v1.tar";

    /// <summary>A layer compressed with gzip.</summary>
    public const string LayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

    /// <summary>A layer compressed with zstd.</summary>
    public const string LayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

    /// <summary>True for an image's manifest, OCI's or Docker's.</summary>
    public static bool IsManifest(string? type) => type is Manifest or "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>True for an index, OCI's or Docker's.</summary>
    public static bool IsIndex(string? type) => type is Index or "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>True for an image's config, OCI's or Docker's.</summary>
    public static bool IsConfig(string? type) => type is Config or "application/vnd.docker.container.image.v1+json";

    /// <summary>True for a layer that can be unpacked. Which compression it has is told by its bytes, not by its type.</summary>
    public static bool IsLayer(string? type) => type is not null
        && (type.StartsWith(LayerTar, StringComparison.Ordinal)
            || type.StartsWith("application/vnd.oci.image.layer.nondistributable.v1.tar", StringComparison.Ordinal)
            || type.StartsWith("application/vnd.docker.image.rootfs.", StringComparison.Ordinal));
}
