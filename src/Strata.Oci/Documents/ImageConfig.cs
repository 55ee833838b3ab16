namespace Strata.Oci;

/// <summary>What of an image's config matters here (image-spec, config.md).</summary>
/// <param name="Platform"><c>os/architecture[/variant]</c>.</param>
/// <param name="DiffIds">The layers' diff IDs, the base first.</param>
/// <param name="Created">When it was made, as it says; null: it does not.</param>
public sealed record ImageConfig(string Platform, IReadOnlyList<DiffId> DiffIds, string? Created)
{
    /// <summary>Reads a config.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is malformed.</exception>
    public static ImageConfig Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        using var json = JsonDocuments.Parse(bytes, what);
        var rootfs = json.Object(json.Root, "rootfs");
        if (json.FindString(rootfs, "type") is { } type && type != "layers")
            throw json.Wrong($"its root file system is of the type '{type}', not 'layers'");
        var diffIds = new List<DiffId>();
        foreach (var element in json.Array(rootfs, "diff_ids"))
        {
            string? text = element.ValueKind == System.Text.Json.JsonValueKind.String ? element.GetString() : null;
            diffIds.Add(Digest.TryParse(text, out var digest) ? new DiffId(digest) : throw json.Wrong($"it has '{text}' as a diff ID"));
        }
        string? variant = json.FindString(json.Root, "variant");
        string platform = $"{json.FindString(json.Root, "os") ?? "linux"}/{json.FindString(json.Root, "architecture") ?? "unknown"}";
        return new ImageConfig(string.IsNullOrEmpty(variant) ? platform : platform + "/" + variant, diffIds, json.FindString(json.Root, "created"));
    }
}
