namespace Strata.Store;

/// <summary>An index to be added with images of it.</summary>
public sealed record IndexInput
{
    /// <summary>Its document, then those of all indexes inside it, as they are. Kept.</summary>
    public required IReadOnlyList<ReadOnlyMemory<byte>> Documents { get; init; }

    /// <summary>The SHA-256 digests of all manifests that it lists, through the indexes inside it, whether they are added or not.</summary>
    public required IReadOnlyList<Digest> Manifests { get; init; }
}
