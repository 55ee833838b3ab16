using Strata.Store;

namespace Strata.Oci;

/// <summary>Loading and saving for callers that must not block: on a thread of their own. Errors and crash state are those of the methods without Async.</summary>
public static class AsyncImages
{
    /// <summary>Loads an image from a file or folder.</summary>
    /// <inheritdoc cref="ImageLoader.Load(string, CancellationToken)"/>
    /// <param name="loader">The loader.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public static Task<IReadOnlyList<ImageRecord>> LoadAsync(this ImageLoader loader, string path, CancellationToken cancellationToken = default) =>
        Worker.Run(() => loader.Load(path, cancellationToken), cancellationToken);

    /// <summary>Loads an image from a stream.</summary>
    /// <inheritdoc cref="ImageLoader.Load(Stream, string, CancellationToken)"/>
    /// <param name="loader">The loader.</param>
    /// <param name="stream">The stream, read on another thread; not owned.</param>
    /// <param name="shown">What it is called in errors.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public static Task<IReadOnlyList<ImageRecord>> LoadAsync(this ImageLoader loader, Stream stream, string shown, CancellationToken cancellationToken = default) =>
        Worker.Run(() => loader.Load(stream, shown, cancellationToken), cancellationToken);
}
