namespace Strata.Api;

/// <summary>Digests as JSON has them.</summary>
internal static class Texts
{
    internal static string[] Of(IEnumerable<Digest> digests) => [.. digests.Select(d => d.ToString())];

    internal static Digest[] Digests(IEnumerable<string> texts) => [.. texts.Select(Digest.Parse)];

    internal static ChainId? Chain(string? text) => text is null ? null : new ChainId(Digest.Parse(text));
}
