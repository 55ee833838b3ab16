namespace Strata;

/// <summary>The digest of a layer's uncompressed tar.</summary>
/// <param name="Digest">The digest.</param>
public readonly record struct DiffId(Digest Digest)
{
    /// <summary>The digest as OCI writes it.</summary>
    public override string ToString() => Digest.ToString();
}
