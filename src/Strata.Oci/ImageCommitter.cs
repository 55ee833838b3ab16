using Strata.Store;

namespace Strata.Oci;

/// <summary>Makes an image of a writable layer: its changes become a layer on top of the image that it was made from.</summary>
public static class ImageCommitter
{
    /// <summary>Commits, and changes nothing of the config.</summary>
    /// <inheritdoc cref="Commit(Store.Store, string, string, ImageChanges, IProgress{ProgressReport}?, CancellationToken)"/>
    public static ImageRecord Commit(
        Store.Store store, string writable, string name, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Commit(store, writable, name, new ImageChanges(), progress, cancellationToken);

    /// <summary>Commits.</summary>
    /// <param name="store">The store.</param>
    /// <param name="writable">The writable layer's name. It stays as it is, mounted or not.</param>
    /// <param name="name">The new image's name.</param>
    /// <param name="changes">What the new image is to say.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <remarks>
    /// With SOURCE_DATE_EPOCH the same changes give the same image, in every store: its time is that of the image, and of all files that are newer.
    /// Without it the image's time is now, and files keep theirs.
    /// </remarks>
    public static ImageRecord Commit(
        Store.Store store, string writable, string name, ImageChanges changes, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        name = ImageNames.NormalizeNew(name);
        var latest = SourceDate.LatestMtime;
        var record = store.GetWritable(writable);
        LayerRecord[] below = record.Parent is { } top ? [.. store.GetChain(top).Reverse()] : [];
        var image = record.Image is { } manifest && store.FindImage(manifest) is { } known ? NewImage.Of(store, known) : NewImage.Of(Platform.Host, below);
        image.History();
        image.Describe("strata commit", changes); // what is wrong with the changes is told before the layer is made
        var layer = store.Commit(writable, latest, progress, cancellationToken);
        image.Add(layer);
        return image.Save(store, [.. below, layer], name);
    }
}
