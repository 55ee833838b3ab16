using Strata.Store;

namespace Strata.Oci.Registries;

/// <summary>Brings images from registries into a store.</summary>
/// <remarks>
/// Layers that the store has are not fetched. The others are fetched several at once, and unpacked while they come: no copy of a blob is kept.
/// Everything is verified against its digest; the image is in the store whole, or not at all.
/// </remarks>
/// <param name="store">Where they go.</param>
/// <param name="options">How registries are spoken to.</param>
public sealed class ImagePuller(Store.Store store, RegistryOptions? options = null)
{
    private readonly RegistryOptions _options = options ?? new RegistryOptions();

    /// <summary>Pulls an image, from its registry or a mirror of it.</summary>
    /// <param name="name">What the user typed: <c>HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]</c>.</param>
    /// <param name="load">Which platform, under which name, and who is told of progress.</param>
    /// <param name="cancellationToken">Ends it early; nothing is left then.</param>
    /// <exception cref="StrataException">
    /// NotFound: there is no such image, or none for the platform. PermissionDenied: the registry wants other credentials. Unavailable: it does not
    /// answer, or no longer. FailedPrecondition: its certificate is not trusted, or it points to where it must not. Corrupt: what came is not what
    /// its digest says. InvalidArgument, NotSupported: the name or the image is none.
    /// </exception>
    public async Task<ImageRecord> PullAsync(string name, LoadOptions? load = null, CancellationToken cancellationToken = default) =>
        (await PullImagesAsync(name, load, cancellationToken).ConfigureAwait(false))[0];

    /// <summary>Pulls an image, or with <see cref="LoadOptions.AllPlatforms"/> all images of its index, which are in the store at once or not at all.</summary>
    /// <inheritdoc cref="PullAsync(string, LoadOptions?, CancellationToken)"/>
    /// <returns>The images, the one that has the name first.</returns>
    public async Task<IReadOnlyList<ImageRecord>> PullImagesAsync(string name, LoadOptions? load = null, CancellationToken cancellationToken = default)
    {
        var config = RegistryConfig.Load(_options);
        var reference = RegistryReference.Parse(name, config.Default);
        var failed = new List<string>();
        foreach (var endpoint in RegistryEndpoint.Of(reference.Host, config, _options, mirrors: true))
        {
            try
            {
                return await PullAsync(endpoint, reference, config, load ?? new LoadOptions(), cancellationToken).ConfigureAwait(false);
            }
            catch (StrataException e) when (endpoint.IsMirror && e.Kind is not (ErrorKind.Exhausted or ErrorKind.AlreadyExists))
            {
                // A mirror is a convenience: whatever is wrong with it, the next one or the registry itself decides.
                failed.Add($"mirror {endpoint.Authority}: {e.Message}");
            }
            catch (StrataException e) when (failed.Count > 0)
            {
                throw new StrataException(e.Kind, $"{e.Message} Before that, {string.Join(" ", failed)}", e);
            }
        }
        throw new InvalidOperationException("The registry itself is always the last to be asked.");
    }

    private async Task<IReadOnlyList<ImageRecord>> PullAsync(RegistryEndpoint endpoint, RegistryReference reference, RegistryConfig config, LoadOptions load, CancellationToken cancellationToken)
    {
        var client = new RegistryClient(endpoint, reference.Repository, config, _options);
        RegistrySource source;
        try
        {
            source = await RegistrySource.OpenAsync(client, reference, store.OpenTemporary, blob => store.TryOpenPartial(blob.Digest, blob.SizeBytes), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            client.Dispose();
            throw;
        }
        using (source)
        {
            // Unpacking is the threads' work; the downloads go on beside it.
            try
            {
                var images = await Task.Run(() => new ImageImporter(store, load).Import(source, [source.Root], [load.Name ?? reference.Name], cancellationToken), cancellationToken).ConfigureAwait(false);
                source.RemovePartials();
                return images;
            }
            catch (StrataException e) when (source.HasResumed && e.Kind is ErrorKind.Corrupt or ErrorKind.InvalidArgument or ErrorKind.Exhausted)
            {
                // What lay here from before may be torn, and so be what is wrong; on a full disk the layers need the room.
                source.RemovePartials();
                if (e.Kind == ErrorKind.Exhausted)
                    throw;
            }
            catch (StrataException e) when (e.Kind is ErrorKind.Corrupt or ErrorKind.InvalidArgument or ErrorKind.Exhausted)
            {
                source.RemovePartials(); // to be fetched anew
                throw;
            }
        }
        return await PullAsync(endpoint, reference, config, load, cancellationToken).ConfigureAwait(false); // without what was kept
    }
}
