using Strata.Formats.Compression;
using Strata.Formats.Tar;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Brings images from a folder, a file or a stream into a store: OCI layouts and docker-archives.</summary>
/// <remarks>
/// Every document is verified against its digest before it is believed, every layer while it is unpacked. An image appears in the store when all
/// of it is there, or not at all.
/// </remarks>
public sealed class ImageLoader
{
    private readonly Store.Store _store;
    private readonly LoadOptions _options;

    /// <summary>Makes a loader.</summary>
    public ImageLoader(Store.Store store, LoadOptions? options = null)
    {
        _store = store;
        _options = options ?? new LoadOptions();
    }

    /// <summary>Loads what lies at a path.</summary>
    /// <exception cref="StrataException">
    /// NotFound; InvalidArgument, NotSupported: it is no image, and why; Corrupt: it began as one, or as something compressed, and is damaged.
    /// </exception>
    public IReadOnlyList<ImageRecord> Load(string path, CancellationToken cancellationToken = default)
    {
        if (Directory.Exists(path))
        {
            using var folder = new FolderFiles(path);
            return Load(folder, Path.GetFileName(Path.GetFullPath(path)), cancellationToken);
        }
        if (!File.Exists(path))
            throw StrataException.NotFound($"There is no file or folder '{path}'.");
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        Span<byte> first = stackalloc byte[Decompressor.MagicBytes];
        int read = file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        file.Position = 0;
        if (Decompressor.Detect(first[..read]) != CompressionKind.None)
        {
            using (file)
                return Load(file, path, cancellationToken);
        }
        using var files = Open(file, path, path);
        return Load(files, Path.GetFileNameWithoutExtension(path), cancellationToken);
    }

    /// <summary>Loads a tar from a stream that can't seek: it is put into the store's temporary directory first.</summary>
    public IReadOnlyList<ImageRecord> Load(Stream stream, string shown, CancellationToken cancellationToken = default)
    {
        var spool = _store.OpenTemporary();
        try
        {
            using var plain = Decompressor.Open(stream, out _, leaveOpen: true);
            byte[] buffer = new byte[256 * 1024];
            long done = 0;
            for (int read = plain.Read(buffer); read > 0; read = plain.Read(buffer))
            {
                cancellationToken.ThrowIfCancellationRequested();
                spool.Write(buffer.AsSpan(0, read));
                done += read;
                _options.Progress?.Report(new ProgressReport("read", done, -1));
            }
            spool.Flush();
        }
        catch (StrataException e) when (e.Kind is ErrorKind.Corrupt or ErrorKind.Exhausted)
        {
            spool.Dispose();
            throw new StrataException(e.Kind, $"Can't read '{shown}': {e.Message}", e);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
        using var files = Open(spool, shown, null);
        return Load(files, shown, cancellationToken);
    }

    /// <summary>The files of a folder, or of a tar that is not compressed.</summary>
    internal static IImageFiles OpenFiles(string path)
    {
        if (Directory.Exists(path))
            return new FolderFiles(path);
        return File.Exists(path)
            ? Open(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0), path, path)
            : throw StrataException.NotFound($"There is no file or folder '{path}'.");
    }

    private static TarFiles Open(FileStream file, string shown, string? path)
    {
        Span<byte> first = stackalloc byte[512];
        file.Position = 0;
        int read = file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        if (!TarReader.CanBegin(first[..read]))
        {
            file.Dispose();
            throw StrataException.InvalidArgument($"'{shown}' is no image: expected an OCI layout or a docker-archive, and this is not even a tar.");
        }
        try
        {
            return new TarFiles(file, shown, path);
        }
        catch (StrataException e) when (e.Kind is ErrorKind.Corrupt or ErrorKind.NotSupported)
        {
            throw new StrataException(e.Kind, $"'{shown}' is no image: expected an OCI layout or a docker-archive. {e.Message}", e);
        }
    }

    private List<ImageRecord> Load(IImageFiles files, string fallbackName, CancellationToken cancellationToken)
    {
        if (files.FindSize("index.json") is not null && files.FindSize("oci-layout") is not null)
            return new LayoutLoader(files, _store, _options).Load(fallbackName, cancellationToken);
        if (files.FindSize("manifest.json") is not null)
            return new DockerArchive(files, _store, _options).Load(cancellationToken);
        throw StrataException.InvalidArgument(
            $"'{files.Shown}' is no image: it has neither oci-layout and index.json (an OCI layout) nor manifest.json (a docker-archive).");
    }
}
