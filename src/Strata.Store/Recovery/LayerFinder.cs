namespace Strata.Store;

/// <summary>Tells where a layer's blob can be had again, the likeliest place first. It may find nothing; what it gives is verified.</summary>
/// <param name="layer">The layer.</param>
/// <param name="cancellationToken">Ends it early.</param>
public delegate IEnumerable<FoundBlob> LayerFinder(LayerRecord layer, CancellationToken cancellationToken);

/// <summary>A blob that may be a layer's.</summary>
/// <param name="Place">Where it is, for messages.</param>
/// <param name="Open">Opens it, compressed or not; whoever calls it disposes the stream.</param>
public sealed record FoundBlob(string Place, Func<Stream> Open);
