using Strata.Oci;
using Strata.Store;

namespace Strata.Api;

/// <summary>What a verb asks of a store, wherever that is.</summary>
/// <remarks>
/// <para>
/// <see cref="StoreOperations"/> is the store in this process; <see cref="RemoteOperations"/> asks a daemon by its control API. A verb does not know
/// which it has. "An item" is a text as a user gives it: a writable layer's name, an image's name or ID, a layer's ID, or the beginning of an ID.
/// </para>
/// <para>
/// Errors are the store's own, by kind, from both. From a daemon also: Unavailable (nobody serves at the socket, or the call was cut off: whether it was done
/// must be looked at), PermissionDenied (of the socket). Cancelled calls leave nothing half done.
/// </para>
/// <code>
/// using IStoreOperations store = Session.OpenOperations(parse);
/// foreach (var image in store.ListImages()) …
/// </code>
/// </remarks>
internal interface IStoreOperations : IDisposable
{
    /// <summary>The driver, and what the store holds in numbers.</summary>
    StoreStatus GetStatus();

    /// <summary>The machine that the store is on: which drivers can serve there, and why not.</summary>
    HostFacts GetFacts();

    IReadOnlyList<ImageRecord> ListImages();

    /// <summary>The indexes by which multi-platform images came.</summary>
    IReadOnlyList<IndexRecord> ListIndexes();

    /// <summary>Layers, in the order in which they came.</summary>
    /// <param name="limit">At most so many.</param>
    /// <param name="after">A layer: only those that came after it. Null: from the first.</param>
    IReadOnlyList<LayerRecord> ListLayers(int limit = int.MaxValue, string? after = null);

    IReadOnlyList<WritableStatus> ListWritable();

    /// <summary>Makes a writable layer. Returns its name.</summary>
    string Create(CreateRequest request, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);

    /// <summary>Mounts a writable layer where the store is, once more for each call.</summary>
    /// <param name="name">The writable layer.</param>
    /// <param name="target">A directory at which it is to be seen, absolute; null: a place of the driver's own.</param>
    /// <returns>The path of its root file system.</returns>
    string Mount(string name, string? target);

    /// <summary>Takes one mount back; the last one unmounts.</summary>
    void Unmount(string name);

    IReadOnlyList<Change> Changes(string name, bool compareContents, CancellationToken cancellationToken);

    /// <summary>Writes what changed in a writable layer as an uncompressed OCI layer. What was written before an error is no layer.</summary>
    void Diff(string name, Stream destination, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);

    /// <summary>Makes an image whose topmost layer is what changed in a writable layer.</summary>
    ImageRecord Commit(string writable, string name, ImageChanges changes, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);

    /// <summary>Makes a layer of an OCI layer's tar, plain or compressed, that <c>gc</c> keeps.</summary>
    /// <param name="layer">The tar; read to its end.</param>
    /// <param name="onto">An image or a layer; null: none.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    LayerRecord Apply(Stream layer, string? onto, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);

    /// <summary>Loads images of a file or of a folder.</summary>
    IReadOnlyList<ImageRecord> Load(string path, LoadOptions options, CancellationToken cancellationToken);

    /// <summary>Loads images of a stream.</summary>
    IReadOnlyList<ImageRecord> Load(Stream stream, string shown, LoadOptions options, CancellationToken cancellationToken);

    /// <summary>Writes images as one tar.</summary>
    void Save(IReadOnlyList<string> images, string? platform, Stream destination, SaveOptions options, CancellationToken cancellationToken);

    /// <summary>Gives an image another name.</summary>
    void Tag(string image, string name);

    /// <summary>Takes a name from its image. Null: no image has it.</summary>
    Untagged? Untag(string name);

    /// <summary>Removes an item.</summary>
    /// <param name="item">What.</param>
    /// <param name="force">Also what is damaged.</param>
    Removed Remove(string item, bool force);

    IReadOnlyList<HistoryStep> History(string image, string? platform);

    /// <summary>All that is known of an item, as UTF-8 JSON.</summary>
    byte[] Inspect(string item, string? platform);

    /// <summary>A document of an image, byte for byte.</summary>
    /// <param name="image">The image.</param>
    /// <param name="platform">Which platform of it, or null.</param>
    /// <param name="document"><c>config</c>, <c>manifest</c> or <c>index</c>.</param>
    byte[] ReadDocument(string image, string? platform, string document);

    CollectReport Collect(bool dryRun, bool unnamedImages, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);

    /// <summary>What items take on disk; none: all.</summary>
    IReadOnlyList<ItemUsage> Measure(IReadOnlyList<string> items, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);

    /// <summary>Compares what the store holds with what it must be.</summary>
    /// <param name="deep">Read every byte.</param>
    /// <param name="repair">Make again what can be made again.</param>
    /// <param name="dockerIsGone">With repair: Docker's data root is gone for good, and all layers that were Docker's are removed.</param>
    /// <param name="from">Files and folders of images in which damaged layers are looked for first, where the store is.</param>
    /// <param name="progress">Told of progress, or null.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    CheckReport Check(bool deep, bool repair, bool dockerIsGone, IReadOnlyList<string> from, IProgress<ProgressReport>? progress, CancellationToken cancellationToken);
}
