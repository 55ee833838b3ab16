using Strata.Store;

namespace Strata.Oci;

/// <summary>An image of the store with its documents and layers, to be written.</summary>
/// <param name="Record">The image.</param>
/// <param name="ManifestBytes">Its manifest as it came.</param>
/// <param name="Manifest">What that says.</param>
/// <param name="ConfigBytes">Its config as it came.</param>
/// <param name="Config">What that says.</param>
/// <param name="Layers">Its layers, the base first.</param>
internal sealed record SavedImage(
    ImageRecord Record, byte[] ManifestBytes, Manifest Manifest, byte[] ConfigBytes, ImageConfig Config, IReadOnlyList<LayerRecord> Layers)
{
    /// <summary>Reads an image of the store.</summary>
    /// <exception cref="StrataException">NotFound, Corrupt: a document or a layer is missing or damaged.</exception>
    internal static SavedImage Read(Store.Store store, ImageRecord image)
    {
        byte[] manifestBytes = store.ReadBlob(image.Manifest);
        byte[] configBytes = store.ReadBlob(image.Config);
        var manifest = Manifest.Parse(manifestBytes, $"manifest {image.Manifest}");
        LayerRecord[] layers = image.TopLayer is { } top ? [.. store.GetChain(top).Reverse()] : [];
        return layers.Length == manifest.Layers.Count
            ? new SavedImage(image, manifestBytes, manifest, configBytes, ImageConfig.Parse(configBytes, $"config {image.Config}"), layers)
            : throw StrataException.Corrupt($"The image {image.Manifest} has {layers.Length} layers in the store, but {manifest.Layers.Count} in its manifest. Remove it and load it again.");
    }
}
