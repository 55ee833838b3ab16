using System.Security.Cryptography;
using System.Text;

namespace Strata;

/// <summary>The identity of a stack of layers: a layer together with all that lie below it.</summary>
/// <remarks>
/// ChainID(L0) = DiffID(L0); ChainID(L0|…|Ln) = sha256(ChainID(L0|…|Ln-1) + " " + DiffID(Ln)). Source: OCI image-spec, config.md, "Layer ChainID".
/// </remarks>
/// <param name="Digest">The digest.</param>
public readonly record struct ChainId(Digest Digest)
{
    /// <summary>The chain ID of <paramref name="diffId"/> on top of <paramref name="parent"/>.</summary>
    /// <param name="parent">The chain below, or null for a base layer.</param>
    /// <param name="diffId">The layer's diff ID.</param>
    public static ChainId Of(ChainId? parent, DiffId diffId) =>
        parent is null
            ? new ChainId(diffId.Digest)
            : new ChainId(Digest.Sha256(SHA256.HashData(Encoding.ASCII.GetBytes($"{parent.Value} {diffId}"))));

    /// <summary>The chain IDs of a whole image, base first, as the config's <c>rootfs.diff_ids</c> lists them.</summary>
    public static IReadOnlyList<ChainId> OfAll(IEnumerable<DiffId> baseFirst)
    {
        var chain = new List<ChainId>();
        ChainId? below = null;
        foreach (var diffId in baseFirst)
        {
            below = Of(below, diffId);
            chain.Add(below.Value);
        }
        return chain;
    }

    /// <summary>The digest as OCI writes it.</summary>
    public override string ToString() => Digest.ToString();
}
