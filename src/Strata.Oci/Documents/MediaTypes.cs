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

    /// <summary>An image's manifest, Docker's.</summary>
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>An index, Docker's: a manifest list.</summary>
    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>An image's config, Docker's.</summary>
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";

    private const string ForeignTar = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    private const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
    private const string DockerForeign = "application/vnd.docker.image.rootfs.foreign.diff.tar";

    /// <summary>True for an image's manifest, OCI's or Docker's.</summary>
    public static bool IsManifest(string? type) => type is Manifest or DockerManifest;

    /// <summary>True for an index, OCI's or Docker's.</summary>
    public static bool IsIndex(string? type) => type is Index or DockerIndex;

    /// <summary>True for an image's config, OCI's or Docker's.</summary>
    public static bool IsConfig(string? type) => type is Config or DockerConfig;

    /// <summary>True for a layer that can be unpacked. Which compression it has is told by its bytes, not by its type.</summary>
    public static bool IsLayer(string? type) =>
        type is LayerTar or LayerGzip or LayerZstd or ForeignTar or ForeignTar + "+gzip" or ForeignTar + "+zstd"
            or DockerLayer or DockerLayer + ".gzip" or DockerLayer + ".zstd" or DockerForeign or DockerForeign + ".gzip";

    /// <summary>True for a layer that its maker does not let others hand on: often only its place is told, not its bytes.</summary>
    public static bool IsForeign(string? type) =>
        type is not null && (type.StartsWith(ForeignTar, StringComparison.Ordinal) || type.StartsWith(DockerForeign, StringComparison.Ordinal));

    /// <summary>OCI's type of a layer, of another compression than it came with.</summary>
    /// <param name="type">What it came as.</param>
    /// <param name="suffix">Empty, <c>+gzip</c> or <c>+zstd</c>.</param>
    internal static string LayerType(string type, string suffix) => (IsForeign(type) ? ForeignTar : LayerTar) + suffix;

    /// <summary>OCI's type of a layer that has Docker's.</summary>
    internal static string ToOci(string type) => type switch
    {
        DockerLayer => LayerTar,
        DockerLayer + ".gzip" => LayerGzip,
        DockerLayer + ".zstd" => LayerZstd,
        DockerForeign => ForeignTar,
        DockerForeign + ".gzip" => ForeignTar + "+gzip",
        _ => type,
    };

    /// <summary>What something is that is no image, in words.</summary>
    internal static string Describe(string type) => type switch
    {
        "" => "something that does not tell its type",
        _ when type.Contains("encrypted", StringComparison.Ordinal) => $"an encrypted layer ({type})",
        _ when type.Contains(".helm.", StringComparison.Ordinal) => $"a Helm chart ({type})",
        _ when type.Contains("in-toto", StringComparison.Ordinal) => $"an attestation ({type})",
        _ when type.Contains("cosign", StringComparison.Ordinal) || type.Contains("sigstore", StringComparison.Ordinal) || type.Contains(".notary.", StringComparison.Ordinal) => $"a signature ({type})",
        _ when type.Contains(".wasm.", StringComparison.Ordinal) || type == "application/wasm" => $"a WebAssembly module ({type})",
        _ when type.Contains("spdx", StringComparison.Ordinal) || type.Contains("cyclonedx", StringComparison.Ordinal) => $"a bill of materials ({type})",
        "application/vnd.docker.distribution.manifest.v1+json" or "application/vnd.docker.distribution.manifest.v1+prettyjws" =>
            $"an image of Docker's old schema 1 ({type}): pull it with a newer program and save it anew",
        "application/vnd.docker.plugin.v1+json" => $"a Docker plugin ({type})",
        "application/vnd.oci.empty.v1+json" => "an artifact (its config is empty)",
        "application/vnd.oci.artifact.manifest.v1+json" => "an artifact of an early draft of OCI's specification",
        _ => $"something of the type '{type}'",
    };
}
