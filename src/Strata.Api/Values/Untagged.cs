namespace Strata.Api;

/// <summary>A name that was taken from an image.</summary>
/// <param name="Name">The name in full.</param>
/// <param name="Config">The image that had it.</param>
internal sealed record Untagged(string Name, Digest Config);
