namespace Strata.Oci;

/// <summary>An image's manifest and config, verified and in agreement.</summary>
/// <param name="Digest">What the manifest was found by.</param>
/// <param name="ManifestBytes">The manifest as it is.</param>
/// <param name="Manifest">What it says.</param>
/// <param name="ConfigBytes">The config as it is.</param>
/// <param name="Config">What it says.</param>
internal sealed record ImageDocuments(Digest Digest, byte[] ManifestBytes, Manifest Manifest, byte[] ConfigBytes, ImageConfig Config)
{
    /// <summary>Reads both.</summary>
    /// <exception cref="StrataException">NotFound, Corrupt, InvalidArgument, NotSupported, Exhausted.</exception>
    internal static ImageDocuments Read(IImageSource source, Descriptor descriptor, CancellationToken cancellationToken)
    {
        byte[] manifestBytes = VerifiedDocument.Read(source, descriptor, "manifest", cancellationToken);
        var manifest = Manifest.Parse(manifestBytes, $"manifest {descriptor.Digest} of {source.Shown}");
        if (descriptor.MediaType.Length > 0 && manifest.ToldMediaType is { } told && told != descriptor.MediaType)
            throw StrataException.InvalidArgument($"The manifest {descriptor.Digest} of {source.Shown} is told to be of the type '{descriptor.MediaType}' and says itself that it is of '{told}'.");
        byte[] configBytes = VerifiedDocument.Read(source, manifest.Config, "config", cancellationToken);
        var config = ImageConfig.Parse(configBytes, $"config {manifest.Config.Digest} of {source.Shown}");
        if (config.DiffIds.Count != manifest.Layers.Count)
        {
            throw StrataException.InvalidArgument(
                $"The image {descriptor.Digest} contradicts itself: its manifest lists {manifest.Layers.Count} layers, its config {config.DiffIds.Count}.");
        }
        return new ImageDocuments(descriptor.Digest, manifestBytes, manifest, configBytes, config);
    }
}
