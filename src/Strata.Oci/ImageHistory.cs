using Strata.Store;

namespace Strata.Oci;

/// <summary>How an image was made: the steps that its config tells, with the layers that they made.</summary>
public static class ImageHistory
{
    /// <summary>The steps, the last first, as <c>docker history</c> lists them.</summary>
    /// <remarks>
    /// The config need not tell all: steps that made layers are matched with the layers from the base up; layers that are left over have a step of
    /// which nothing is known, and steps that are left over have no layer.
    /// </remarks>
    /// <param name="store">The store.</param>
    /// <param name="image">The image.</param>
    /// <exception cref="StrataException">NotFound, Corrupt: a document or a layer is missing or damaged.</exception>
    public static IReadOnlyList<HistoryStep> Read(Store.Store store, ImageRecord image)
    {
        var config = ImageConfig.Parse(store.ReadBlob(image.Config), $"config {image.Config}");
        var layers = new Queue<LayerRecord>(image.TopLayer is { } top ? store.GetChain(top).Reverse() : []);
        var steps = config.History.Select(entry => new HistoryStep(entry, entry.EmptyLayer || !layers.TryDequeue(out var layer) ? null : layer)).ToList();
        steps.AddRange(layers.Select(layer => new HistoryStep(new HistoryEntry(null, null, null, null, EmptyLayer: false), layer)));
        steps.Reverse();
        return steps;
    }
}
