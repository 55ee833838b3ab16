using Strata.Drivers;

namespace Strata.Store;

/// <content>
/// The same for callers that must not block: each call runs on a thread of its own while the rooms below, which talk to the kernel, stay
/// synchronous. Errors, crash state and costs are those of the method without Async. Cancelling ends the work and leaves nothing half done.
/// </content>
public sealed partial class Store : IAsyncDisposable
{
    /// <inheritdoc cref="Open(StoreOptions)"/>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    public static Task<Store> OpenAsync(StoreOptions options, CancellationToken cancellationToken = default) => Worker.Run(() => Open(options), cancellationToken);

    /// <summary>Registers one layer from a stream, compressed or not, which is read to its end and not owned.</summary>
    /// <param name="blob">The layer, as it came: its tar, plain or compressed. Read on another thread.</param>
    /// <param name="parent">What it lies on, or null.</param>
    /// <param name="diffId">What its tar must hash to; null: whatever it hashes to.</param>
    /// <param name="blobDigest">What the stream must hash to; null: whatever it hashes to.</param>
    /// <param name="progress">Told of the bytes that were read, or null.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <returns>The layer; if it was there already, the stream was read only where <paramref name="diffId"/> is null.</returns>
    /// <exception cref="StrataException">As of <see cref="RegisterLayers"/>.</exception>
    public Task<LayerRecord> RegisterLayerAsync(
        Stream blob, ChainId? parent = null, DiffId? diffId = null, Digest? blobDigest = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Worker.Run(
            () => RegisterLayers([new LayerInput { Open = () => new Borrowed(blob), DiffId = diffId, BlobDigest = blobDigest }], parent, progress, cancellationToken)[0], cancellationToken);

    /// <inheritdoc cref="RegisterLayers"/>
    public Task<IReadOnlyList<LayerRecord>> RegisterLayersAsync(
        IReadOnlyList<LayerInput> baseFirst, ChainId? parent = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Worker.Run(() => RegisterLayers(baseFirst, parent, progress, cancellationToken), cancellationToken);

    /// <inheritdoc cref="WriteTar"/>
    public Task WriteTarAsync(LayerRecord layer, Stream destination, CancellationToken cancellationToken = default) =>
        Worker.Run(() => WriteTar(layer, destination, cancellationToken), cancellationToken);

    /// <inheritdoc cref="RemoveLayer"/>
    /// <param name="chain">The layer.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    public Task<LayerRecord> RemoveLayerAsync(ChainId chain, CancellationToken cancellationToken = default) => Worker.Run(() => RemoveLayer(chain), cancellationToken);

    /// <inheritdoc cref="CreateWritable"/>
    /// <param name="name">Its name.</param>
    /// <param name="parent">What it lies on, or null.</param>
    /// <param name="image">The image that it is made from, or null.</param>
    /// <param name="storageOptions">Such as <c>size</c>; null: none.</param>
    /// <param name="init">Fills an init layer; null: no init layer.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    public Task<WritableRecord> CreateWritableAsync(
        string name, ChainId? parent, Digest? image = null, IReadOnlyDictionary<string, string>? storageOptions = null, Action<string>? init = null, CancellationToken cancellationToken = default) =>
        Worker.Run(() => CreateWritable(name, parent, image, storageOptions, init), cancellationToken);

    /// <inheritdoc cref="Mount(string, string?)"/>
    /// <param name="name">The layer.</param>
    /// <param name="target">A directory at which it is to be seen too, or null.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    public Task<string> MountAsync(string name, string? target = null, CancellationToken cancellationToken = default) => Worker.Run(() => Mount(name, target), cancellationToken);

    /// <inheritdoc cref="Unmount(string)"/>
    /// <param name="name">The layer.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    public Task UnmountAsync(string name, CancellationToken cancellationToken = default) => Worker.Run(() => Unmount(name), cancellationToken);

    /// <inheritdoc cref="Changes"/>
    public Task<IReadOnlyList<Change>> ChangesAsync(string name, DiffOptions? options = null, CancellationToken cancellationToken = default) =>
        Worker.Run(() => Changes(name, options, cancellationToken), cancellationToken);

    /// <inheritdoc cref="Diff"/>
    public Task DiffAsync(string name, Stream destination, DiffOptions? options = null, CancellationToken cancellationToken = default) =>
        Worker.Run(() => Diff(name, destination, options, cancellationToken), cancellationToken);

    /// <inheritdoc cref="Commit(string, IProgress{ProgressReport}?, CancellationToken)"/>
    public Task<LayerRecord> CommitAsync(string name, IProgress<ProgressReport>? progress = null, CancellationToken cancellationToken = default) =>
        Worker.Run(() => Commit(name, progress, cancellationToken), cancellationToken);

    /// <inheritdoc cref="GetUsage(string, CancellationToken)"/>
    public Task<Usage> GetUsageAsync(string name, CancellationToken cancellationToken = default) => Worker.Run(() => GetUsage(name, cancellationToken), cancellationToken);

    /// <inheritdoc cref="RemoveWritable"/>
    /// <param name="name">The layer.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    public Task RemoveWritableAsync(string name, CancellationToken cancellationToken = default) => Worker.Run(() => RemoveWritable(name), cancellationToken);

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
