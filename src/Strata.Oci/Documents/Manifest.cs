namespace Strata.Oci;

/// <summary>What an image's manifest says (image-spec, manifest.md).</summary>
/// <param name="MediaType">Its own media type.</param>
/// <param name="Config">The image's config.</param>
/// <param name="Layers">The layers, the base first.</param>
public sealed record Manifest(string MediaType, Descriptor Config, IReadOnlyList<Descriptor> Layers)
{
    /// <summary>Reads a manifest.</summary>
    /// <param name="bytes">The document.</param>
    /// <param name="what">What it is called in errors.</param>
    /// <exception cref="StrataException">InvalidArgument: it is malformed, or could be read as an index too (CVE-2021-41190). NotSupported: no image.</exception>
    public static Manifest Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        using var json = JsonDocuments.Parse(bytes, what);
        var root = json.Root;
        if (json.Find(root, "manifests") is not null)
            throw json.Wrong("it has 'manifests', as an index has: it could be read as two different things");
        string? type = json.FindString(root, "mediaType");
        if (type is not null && !MediaTypes.IsManifest(type))
            throw StrataException.NotSupported($"{what} is of the type '{type}', which is no image's manifest.");
        json.RequireSchemaVersion2();
        var config = json.Descriptor(json.Object(root, "config"));
        if (!MediaTypes.IsConfig(config.MediaType))
        {
            throw StrataException.NotSupported(
                $"{what} is an artifact, not an image: its config is of the type '{config.MediaType}'. Only images can be loaded.");
        }
        var layers = json.Array(root, "layers").Select(json.Descriptor).ToArray();
        foreach (var layer in layers)
        {
            if (!MediaTypes.IsLayer(layer.MediaType))
                throw StrataException.NotSupported($"{what} has a layer of the type '{layer.MediaType}', which can't be unpacked.");
        }
        return new Manifest(type ?? MediaTypes.Manifest, config, layers);
    }
}
