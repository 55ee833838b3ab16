namespace Strata.Oci;

/// <summary>Points at a blob (image-spec, descriptor.md).</summary>
/// <param name="MediaType">What it is.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="SizeBytes">Its size.</param>
public sealed record Descriptor(string MediaType, Digest Digest, long SizeBytes)
{
    /// <summary>Annotations; empty if there are none.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>For which platform it is, <c>os/architecture[/variant]</c>; null: not told.</summary>
    public string? Platform { get; init; }

    /// <summary>The type of the artifact that it points to, if that is one; null: not told.</summary>
    public string? ArtifactType { get; init; }
}
