using System.Text.Json.Nodes;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Makes an image whose upper layers, or all of them, are one layer.</summary>
public static class ImageSquasher
{
    /// <summary>Squashes.</summary>
    /// <param name="store">The store.</param>
    /// <param name="image">The image. It stays as it is.</param>
    /// <param name="name">The new image's name.</param>
    /// <param name="keep">How many of its layers stay as they are, counted from the base; the others become one.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <returns>The new image: the same root file system and config. In its history the steps stay, as steps that made no layer, and one is added that did.</returns>
    /// <exception cref="StrataException">InvalidArgument: the name can't be one. FailedPrecondition: no layers are left that could become one.</exception>
    public static ImageRecord Squash(
        Store.Store store, ImageRecord image, string name, int keep = 0, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        name = ImageNames.NormalizeNew(name);
        LayerRecord[] layers = image.TopLayer is { } top ? [.. store.GetChain(top).Reverse()] : [];
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        if (keep >= layers.Length)
            throw StrataException.FailedPrecondition($"The image {image.Config} has {layers.Length} layers; if {keep} of them stay, none is left to be squashed.");
        var made = NewImage.Of(store, image);
        var history = made.History();
        MarkEmpty(history, keep);
        string from = keep == 0 ? "nothing" : layers[keep - 1].ChainId.ToString();
        made.Describe("strata squash", new ImageChanges(), $"layers {keep + 1} to {layers.Length} of {image.Config}, on {from}");
        var layer = store.Squash(image.TopLayer!.Value, keep == 0 ? null : layers[keep - 1].ChainId, progress, cancellationToken);
        made.KeepLayers(keep);
        made.Add(layer);
        return made.Save(store, [.. layers[..keep], layer], name);
    }

    /// <summary>The steps of the layers that are one now made no layer of their own.</summary>
    private static void MarkEmpty(JsonArray history, int keep)
    {
        int layer = 0;
        foreach (var step in history.OfType<JsonObject>())
        {
            if (!NewImage.IsEmpty(step) && layer++ >= keep)
                step["empty_layer"] = true;
        }
    }
}
