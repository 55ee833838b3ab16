namespace Strata.Oci;

/// <summary>What an index says (image-spec, image-index.md).</summary>
/// <param name="Manifests">What it lists: manifests and further indexes.</param>
public sealed record ImageIndex(IReadOnlyList<Descriptor> Manifests)
{
    /// <summary>Reads an index.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is malformed, or could be read as a manifest too (CVE-2021-41190).</exception>
    public static ImageIndex Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        using var json = JsonDocuments.Parse(bytes, what);
        if (json.Find(json.Root, "layers") is not null || json.Find(json.Root, "config") is not null)
            throw json.Wrong("it has 'layers' or 'config', as a manifest has: it could be read as two different things");
        if (json.FindString(json.Root, "mediaType") is { } type && !MediaTypes.IsIndex(type))
            throw json.Wrong($"it is of the type '{type}', which is no index's");
        json.RequireSchemaVersion2();
        return new ImageIndex(json.Array(json.Root, "manifests").Select(json.Descriptor).ToArray());
    }

    /// <summary>True if a document whose type is not told is an index rather than a manifest.</summary>
    internal static bool LooksLike(ReadOnlyMemory<byte> bytes)
    {
        using var json = JsonDocuments.Parse(bytes, "a manifest");
        return json.Find(json.Root, "manifests") is not null;
    }

    /// <summary>The media type that an index tells of itself, or OCI's.</summary>
    internal static string TypeOf(ReadOnlyMemory<byte> bytes)
    {
        using var json = JsonDocuments.Parse(bytes, "an index");
        return json.FindString(json.Root, "mediaType") ?? MediaTypes.Index;
    }
}
