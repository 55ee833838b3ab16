namespace Strata.Oci;

/// <summary>What an image's manifest says (image-spec, manifest.md).</summary>
/// <param name="MediaType">Its own media type: OCI's where it does not tell one.</param>
/// <param name="Config">The image's config.</param>
/// <param name="Layers">The layers, the base first.</param>
public sealed record Manifest(string MediaType, Descriptor Config, IReadOnlyList<Descriptor> Layers)
{
    /// <summary>The media type that the document itself tells, or null.</summary>
    internal string? ToldMediaType { get; init; }

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
            throw StrataException.NotSupported($"{what} is no image's manifest, but {MediaTypes.Describe(type)}.");
        json.RequireSchemaVersion2();
        if (json.FindString(root, "artifactType") is { Length: > 0 } artifact && !MediaTypes.IsConfig(artifact))
            throw StrataException.NotSupported($"{what} is an artifact, not an image: {MediaTypes.Describe(artifact)}. Only images can be loaded.");
        var config = json.Descriptor(json.Object(root, "config"));
        if (!MediaTypes.IsConfig(config.MediaType))
            throw StrataException.NotSupported($"{what} is an artifact, not an image: its config is {MediaTypes.Describe(config.MediaType)}. Only images can be loaded.");
        var layers = json.ArrayOrNull(root, "layers").Select(json.Descriptor).ToArray();
        if (layers.Length > MaxLayers)
            throw StrataException.Exhausted($"{what} lists {layers.Length} layers; at most {MaxLayers} are read.");
        for (int i = 0; i < layers.Length; i++)
        {
            if (MediaTypes.IsLayer(layers[i].MediaType))
                continue;
            string advice = layers[i].MediaType.Contains("encrypted", StringComparison.Ordinal) ? " Decrypt the image first, with a program that has the key." : "";
            throw StrataException.NotSupported($"{what} can't be unpacked: its layer {i + 1} is {MediaTypes.Describe(layers[i].MediaType)}.{advice}");
        }
        return new Manifest(type ?? MediaTypes.Manifest, config, layers) { ToldMediaType = type };
    }

    /// <summary>Far more than any image has; what lists more is meant to use something up.</summary>
    private const int MaxLayers = 10_000;
}
