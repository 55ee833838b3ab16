using Strata.Drivers;
using Strata.Formats.Compression;
using Strata.Formats.Tar;

namespace Strata.Store;

/// <summary>The pipe of every layer that comes as a blob: hash, decompress, hash, record, apply.</summary>
internal static class BlobApplier
{
    /// <summary>Applies a blob to a driver's layer that was just made. Nothing is synced yet.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="layout">Where the recipe goes, if the driver needs one.</param>
    /// <param name="id">The layer.</param>
    /// <param name="parent">What it is on, or null.</param>
    /// <param name="source">The blob. Read to its end; not closed.</param>
    /// <param name="options">Limits and the like; the recorder is set here.</param>
    /// <param name="cancellationToken">Ends it early; the layer is half filled then.</param>
    internal static AppliedLayer Apply(
        IDriver driver, StoreLayout layout, LayerId id, LayerId? parent, Stream source, ApplyOptions options, CancellationToken cancellationToken)
    {
        using var blob = new HashingStream(source, leaveOpen: true);
        using var decompressed = Decompressor.Open(blob, out _, options.Limits, leaveOpen: true);
        // Decompressing, the longest part, has a thread of its own; hashing, parsing and writing run beside it.
        using var tar = new HashingStream(new PrefetchStream(decompressed, leaveOpen: true));
        long contentBytes;
        using (var recipe = driver.Capabilities.ReproducesExactDiffs ? null : new FileStream(layout.Recipe(id), FileMode.Create, FileAccess.Write, FileShare.Read, 64 * 1024))
        {
            using var recorder = recipe is null ? null : new TarRecipeRecorder(recipe);
            contentBytes = driver.ApplyDiff(id, parent, tar, options with { Recorder = recorder }, cancellationToken);
            recorder?.Complete();
        }
        // The decompressor stops at the end of its data and has proven that nothing follows; the blob's digest covers all of it.
        return new AppliedLayer(new DiffId(tar.Digest), tar.CountBytes, contentBytes, blob.Digest, blob.CountBytes);
    }
}
