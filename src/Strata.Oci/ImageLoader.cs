using System.Runtime.InteropServices;
using System.Security.Cryptography;
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
    private const int MaxIndexDepth = 4;
    private readonly Store.Store _store;
    private readonly LoadOptions _options;
    private readonly string _platform;

    /// <summary>Makes a loader.</summary>
    public ImageLoader(Store.Store store, LoadOptions? options = null)
    {
        _store = store;
        _options = options ?? new LoadOptions();
        _platform = _options.Platform ?? "linux/" + RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "arm64",
            Architecture.X86 => "386",
            var other => other.ToString().ToLowerInvariant(),
        };
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
        using var files = Open(file, path);
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
        using var files = Open(spool, shown);
        return Load(files, shown, cancellationToken);
    }

    private static TarFiles Open(FileStream file, string shown)
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
            return new TarFiles(file, shown);
        }
        catch (StrataException e) when (e.Kind is ErrorKind.Corrupt or ErrorKind.NotSupported)
        {
            throw new StrataException(e.Kind, $"'{shown}' is no image: expected an OCI layout or a docker-archive. {e.Message}", e);
        }
    }

    private List<ImageRecord> Load(IImageFiles files, string fallbackName, CancellationToken cancellationToken)
    {
        if (files.FindSize("index.json") is not null && files.FindSize("oci-layout") is not null)
            return LoadLayout(files, fallbackName, cancellationToken);
        if (files.FindSize("manifest.json") is not null)
            return new DockerArchive(files, _store, _options).Load(cancellationToken);
        throw StrataException.InvalidArgument(
            $"'{files.Shown}' is no image: it has neither oci-layout and index.json (an OCI layout) nor manifest.json (a docker-archive).");
    }

    private List<ImageRecord> LoadLayout(IImageFiles files, string fallbackName, CancellationToken cancellationToken)
    {
        using (var layout = JsonDocuments.Parse(files.ReadDocument("oci-layout"), $"oci-layout of {files.Shown}"))
        {
            if (layout.String(layout.Root, "imageLayoutVersion") is var version && !version.StartsWith("1.", StringComparison.Ordinal))
                throw StrataException.NotSupported($"{files.Shown} is an OCI layout of version {version}; version 1 is known.");
        }
        var index = ImageIndex.Parse(files.ReadDocument("index.json"), $"index.json of {files.Shown}");
        var groups = Candidates(index.Manifests).GroupBy(d => NameTextOf(d, fallbackName)).ToArray();
        if (_options.Name is { } only && groups.Length > 1)
        {
            // One image under several names is still one.
            if (groups.Select(g => string.Join(' ', g.Select(d => d.Digest))).Distinct().Count() > 1)
                throw StrataException.InvalidArgument($"{files.Shown} holds {groups.Length} images ({string.Join(", ", groups.Select(g => g.Key))}); they can't all be named '{only}'. Leave out -t.");
            groups = groups[..1];
        }
        var loaded = new List<ImageRecord>();
        foreach (var group in groups)
        {
            var (bytes, manifest) = Choose(files, [.. group], 0);
            string name = _options.Name ?? ImageNames.Normalize(group.Key);
            loaded.Add(Retry(() => LoadImage(files, bytes, manifest, name, cancellationToken)));
        }
        // An image that came under several names is one image: tell it once, with all of them.
        loaded = [.. loaded.GroupBy(i => i.Manifest).Select(same => same.Last())];
        return loaded.Count > 0 ? loaded : throw StrataException.NotFound($"The OCI layout {files.Shown} lists no image.");
    }

    /// <summary>Others may remove a layer between our finding it and our naming an image on it; then it is unpacked after all.</summary>
    internal static ImageRecord Retry(Func<ImageRecord> load)
    {
        const int Times = 10;
        for (int i = 1; ; i++)
        {
            try
            {
                return load();
            }
            catch (StrataException e) when (e.Kind == ErrorKind.Unavailable && i < Times)
            {
                continue;
            }
        }
    }

    /// <summary>Entries of an index that can be images: attestations and other things that come with an image are left out.</summary>
    private static IEnumerable<Descriptor> Candidates(IReadOnlyList<Descriptor> all)
    {
        var images = all.Where(d => d.Platform != "unknown/unknown" && !d.Annotations.ContainsKey("vnd.docker.reference.type")).ToArray();
        return images.Length > 0 ? images : all;
    }

    /// <summary>Of several, the one for the wanted platform; through nested indexes.</summary>
    private (byte[] Bytes, Manifest Manifest) Choose(IImageFiles files, Descriptor[] candidates, int depth)
    {
        if (depth >= MaxIndexDepth)
            throw StrataException.InvalidArgument($"{files.Shown} has indexes nested deeper than {MaxIndexDepth}; they may refer to each other.");
        var chosen = candidates.Length == 1
            ? candidates[0]
            : candidates.FirstOrDefault(d => d.Platform is { } p && Matches(p)) ?? candidates.FirstOrDefault(d => d.Platform is null);
        if (chosen is null)
        {
            throw StrataException.NotFound(
                $"{files.Shown} has no image for {_platform}; it has {string.Join(", ", candidates.Select(c => c.Platform))}. Choose one with --platform.");
        }
        byte[] bytes = ReadVerified(files, chosen, "manifest");
        bool isIndex = MediaTypes.IsIndex(chosen.MediaType) || (chosen.MediaType.Length == 0 && LooksLikeIndex(bytes));
        if (isIndex)
            return Choose(files, [.. Candidates(ImageIndex.Parse(bytes, $"index {chosen.Digest}").Manifests)], depth + 1);
        if (chosen.MediaType.Length > 0 && !MediaTypes.IsManifest(chosen.MediaType))
            throw StrataException.NotSupported($"{files.Shown} lists something of the type '{chosen.MediaType}', which is no image.");
        return (bytes, Manifest.Parse(bytes, $"manifest {chosen.Digest}"));
    }

    private bool Matches(string platform) =>
        platform == _platform || platform.StartsWith(_platform + "/", StringComparison.Ordinal) || _platform.StartsWith(platform + "/", StringComparison.Ordinal);

    private static bool LooksLikeIndex(byte[] bytes)
    {
        using var json = JsonDocuments.Parse(bytes, "a manifest");
        return json.Find(json.Root, "manifests") is not null;
    }

    private ImageRecord LoadImage(IImageFiles files, byte[] manifestBytes, Manifest manifest, string name, CancellationToken cancellationToken)
    {
        byte[] configBytes = ReadVerified(files, manifest.Config, "config");
        var config = ImageConfig.Parse(configBytes, $"config {manifest.Config.Digest}");
        if (config.DiffIds.Count != manifest.Layers.Count)
        {
            throw StrataException.InvalidArgument(
                $"The image '{name}' contradicts itself: its manifest lists {manifest.Layers.Count} layers, its config {config.DiffIds.Count}.");
        }
        var inputs = new LayerInput[manifest.Layers.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            var layer = manifest.Layers[i];
            if (layer.Digest.Algorithm != "sha256" || config.DiffIds[i].Digest.Algorithm != "sha256")
                throw StrataException.NotSupported($"Layer {i + 1} of the image '{name}' is named by {layer.Digest.Algorithm} and {config.DiffIds[i].Digest.Algorithm}; only sha256 is read.");
            string blob = BlobName(layer.Digest);
            long size = files.FindSize(blob) ?? throw StrataException.NotFound($"The image '{name}' is incomplete: {files.Shown} lacks the blob of layer {i + 1}, {layer.Digest}.");
            if (size != layer.SizeBytes)
                throw StrataException.Corrupt($"The image '{name}' is damaged: the blob {layer.Digest} has {size} bytes, not {layer.SizeBytes}.");
            inputs[i] = new LayerInput { Open = () => files.Open(blob), DiffId = config.DiffIds[i], BlobDigest = layer.Digest, BlobBytes = size };
        }
        var layers = _store.RegisterLayers(inputs, null, _options.Progress, cancellationToken);
        return _store.AddImage(manifestBytes, configBytes, layers.Count == 0 ? null : layers[^1].ChainId, [name]);
    }

    private static byte[] ReadVerified(IImageFiles files, Descriptor descriptor, string what)
    {
        if (descriptor.Digest.Algorithm != "sha256")
            throw StrataException.NotSupported($"The {what} of {files.Shown} is named by {descriptor.Digest.Algorithm}; only sha256 is read.");
        byte[] bytes = files.ReadDocument(BlobName(descriptor.Digest));
        if (bytes.Length != descriptor.SizeBytes || Digest.Sha256(SHA256.HashData(bytes)) != descriptor.Digest)
            throw StrataException.Corrupt($"The {what} of {files.Shown} is damaged: it does not match {descriptor.Digest} and {descriptor.SizeBytes} bytes.");
        return bytes;
    }

    private static string BlobName(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

    /// <summary>containerd's full name, else a reference that is a name, else the file's name and the reference as its tag.</summary>
    private static string NameTextOf(Descriptor descriptor, string fallback)
    {
        if (descriptor.Annotations.TryGetValue("io.containerd.image.name", out string? full) && full.Length > 0)
            return full;
        descriptor.Annotations.TryGetValue("org.opencontainers.image.ref.name", out string? reference);
        if (reference is { Length: > 0 } && (reference.Contains('/', StringComparison.Ordinal) || reference.Contains(':', StringComparison.Ordinal)))
            return reference;
        string name = new(fallback.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-').SkipWhile(c => !char.IsAsciiLetterOrDigit(c)).ToArray());
        return $"{(name.Length == 0 ? "image" : name)}:{(string.IsNullOrEmpty(reference) ? "latest" : reference)}";
    }
}
