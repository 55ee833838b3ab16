using Strata.Store;

namespace Strata.Oci;

/// <summary>Makes an image with one layer of a root file system: of a folder, or of a tar.</summary>
public static class RootImporter
{
    /// <summary>Imports a folder.</summary>
    /// <remarks>
    /// The same folder gives the same layer: names in the order of their bytes, all metadata but what belongs to the host. With SOURCE_DATE_EPOCH the same image,
    /// too: its time is that of the image, and of all files that are newer.
    /// </remarks>
    /// <param name="store">The store.</param>
    /// <param name="folder">The folder; it must not change meanwhile.</param>
    /// <param name="name">The new image's name.</param>
    /// <param name="options">What it is to say, or null.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <exception cref="StrataException">NotFound: there is no such folder. InvalidArgument: the name or a change of the config makes no sense.</exception>
    public static ImageRecord ImportFolder(
        Store.Store store, string folder, string name, ImportOptions? options = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Import(store, name, options ?? new ImportOptions(), $"the folder '{Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))}'", o =>
            store.RegisterFolder(folder, SourceDate.LatestMtime, o.Owner, progress, cancellationToken));

    /// <summary>Imports a tar: its layer is that tar, byte for byte.</summary>
    /// <param name="store">The store.</param>
    /// <param name="tar">The tar, plain or compressed; read to its end, not disposed.</param>
    /// <param name="shown">What it is called in the image's history.</param>
    /// <param name="name">The new image's name.</param>
    /// <param name="options">What it is to say, or null.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <exception cref="StrataException">
    /// Corrupt, Exhausted: as for any layer. InvalidArgument: the tar holds what no layer may; the name or a change of the config makes no sense.
    /// </exception>
    public static ImageRecord ImportTar(
        Store.Store store, Stream tar, string shown, string name, ImportOptions? options = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Import(store, name, options ?? new ImportOptions(), shown, o => o.Owner is null
            ? store.RegisterLayers([new LayerInput { Open = () => new OpenedStream(tar) }], null, progress, cancellationToken)[0]
            : throw StrataException.InvalidArgument("The owners in a tar stay as they are: an owner is told for a folder only."));

    private static ImageRecord Import(Store.Store store, string name, ImportOptions options, string shown, Func<ImportOptions, LayerRecord> register)
    {
        name = ImageNames.NormalizeNew(name);
        var image = NewImage.Of(options.Platform is { } platform ? Platform.Parse(platform) : Platform.Host, []);
        image.History();
        image.Describe("strata import", options.Changes, $"imported from {shown}"); // what is wrong with the changes is told before the layer is made
        var layer = register(options);
        image.Add(layer);
        return image.Save(store, [layer], name);
    }

    /// <summary>A stream of the caller's.</summary>
    private sealed class OpenedStream(Stream inner) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer) => inner.Read(buffer);
    }
}
