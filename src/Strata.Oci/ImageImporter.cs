using System.Text;
using Strata.Store;

namespace Strata.Oci;

/// <summary>Brings images from a source into a store: finds what is wanted, verifies all of it, unpacks, and names it.</summary>
internal sealed class ImageImporter
{
    private readonly Store.Store _store;
    private readonly LoadOptions _options;
    private readonly Platform? _asked;

    internal ImageImporter(Store.Store store, LoadOptions options)
    {
        _store = store;
        _options = options;
        _asked = options.Platform is { } text ? Platform.Parse(text) : null;
    }

    /// <summary>Imports the image, or of an index the image or images that are wanted. All appear in the store at once, or nothing.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="roots">Manifests or indexes; several are several platforms of one image.</param>
    /// <param name="names">What the image is to be called; may be empty.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>The images, the one that has the names first.</returns>
    /// <exception cref="StrataException">
    /// NotFound: something is missing, or no image is for the platform. NotSupported: it is no image. InvalidArgument: a document is malformed.
    /// Corrupt: something does not match its digest. Exhausted: a limit, or the disk.
    /// </exception>
    internal IReadOnlyList<ImageRecord> Import(IImageSource source, IReadOnlyList<Descriptor> roots, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        if (roots is [{ } root] && _asked is null && FindUnchanged(source, root, names, cancellationToken) is { } there)
            return [there];
        var tree = IndexTree.Read(source, roots, cancellationToken);
        var wanted = Wanted(source, tree, cancellationToken);
        var index = IndexOf(tree, roots);
        return Retry(() => Import(source, wanted, index, names, cancellationToken));
    }

    /// <summary>The image that a manifest describes, if it is in the store with these names and the same documents: then nothing is left to do.</summary>
    private ImageRecord? FindUnchanged(IImageSource source, Descriptor root, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        return MediaTypes.IsManifest(root.MediaType) && root.Digest.Algorithm == "sha256" ? _store.FindUnchanged(root.Digest, names, Read) : null;

        byte[]? Read(Digest digest, long bytes)
        {
            try
            {
                return source.ReadDocument(new Descriptor(digest == root.Digest ? root.MediaType : MediaTypes.Config, digest, bytes), cancellationToken);
            }
            catch (StrataException)
            {
                return null; // what is wrong is told where the image is read in full
            }
        }
    }

    /// <summary>Others may remove a layer between our finding it and our naming an image on it; then it is unpacked after all.</summary>
    internal static T Retry<T>(Func<T> load)
    {
        const int Times = 10;
        for (int i = 1; ; i++)
        {
            try
            {
                return load();
            }
            catch (StrataException e) when (e.Kind == ErrorKind.Unavailable && e is not SourceUnavailableException && i < Times)
            {
                continue;
            }
        }
    }

    private IReadOnlyList<ImageRecord> Import(
        IImageSource source, IReadOnlyList<ImageDocuments> wanted, IndexInput? index, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var fresh = new List<ChainId>();
        try
        {
            var inputs = new List<ImageInput>();
            foreach (var image in wanted)
            {
                var layers = Inputs(source, image, cancellationToken);
                var before = NotThere(layers);
                var records = _store.RegisterLayers(layers, null, _options.Progress, cancellationToken);
                fresh.AddRange(before);
                inputs.Add(new ImageInput
                {
                    Manifest = image.ManifestBytes,
                    Config = image.ConfigBytes,
                    TopLayer = records.Count == 0 ? null : records[^1].ChainId,
                    Names = inputs.Count == 0 ? names : [],
                    Platform = image.Config.Platform?.ToString(),
                });
            }
            return _store.AddImages(inputs, index);
        }
        catch when (fresh.Count > 0)
        {
            RemoveAgain(fresh);
            throw;
        }
    }

    /// <summary>The documents of what is to be loaded, the image that gets the names first.</summary>
    private List<ImageDocuments> Wanted(IImageSource source, IndexTree tree, CancellationToken cancellationToken)
    {
        if (tree.Images.Count == 0)
        {
            throw tree.Others.Count > 0
                ? StrataException.NotSupported($"{source.Shown} holds no image: {string.Join(", ", tree.Others.Select(o => MediaTypes.Describe(o.ArtifactType ?? o.MediaType)).Distinct().Take(5))}.")
                : StrataException.NotFound($"{source.Shown} lists no image.");
        }
        var read = new Dictionary<Digest, ImageDocuments>();
        ImageDocuments documents(Descriptor image) =>
            read.TryGetValue(image.Digest, out var known) ? known : read[image.Digest] = ImageDocuments.Read(source, image, cancellationToken);
        Platform? platformOf(Descriptor image) => image.Platform?.Split('/') is [var os, var architecture, .. var rest]
            && Platform.TryMake(os, architecture, rest.FirstOrDefault()) is { } told ? told : documents(image).Config.Platform;

        var usable = (_asked ?? Platform.Host).Usable(otherArchitectures: _asked is null).ToArray();
        // An image for one platform is what was meant, unless another was asked for.
        var chosen = tree.Images.Count == 1 && _asked is null
            ? tree.Images[0]
            : usable.Select(p => tree.Images.FirstOrDefault(i => platformOf(i) == p)).FirstOrDefault(i => i is not null);
        if (chosen is null && !(_options.AllPlatforms && _asked is null))
        {
            throw StrataException.NotFound(
                $"{source.Shown} has no image for {usable[0]}; it has {string.Join(", ", tree.Images.Select(i => platformOf(i)?.ToString() ?? "one that does not tell"))}. Choose one with --platform.");
        }
        if (!_options.AllPlatforms)
            return [documents(chosen!)];
        return [.. tree.Images.OrderBy(i => i == chosen ? 0 : 1).Select(documents)];
    }

    /// <summary>The index to keep: the one that was there, or one made of several platforms that were listed side by side. Null: there is none.</summary>
    private static IndexInput? IndexOf(IndexTree tree, IReadOnlyList<Descriptor> roots)
    {
        if (tree.Images.Concat(tree.Others).Any(d => d.Digest.Algorithm != "sha256"))
            return null; // the store knows documents by SHA-256 only, and could not tell which of them are there
        if (roots.Count == 1 && tree.Documents.Count == 0)
            return null;
        List<ReadOnlyMemory<byte>> documents = roots.Count == 1
            ? tree.Documents
            : [Encoding.UTF8.GetBytes(ManifestWriter.Index(roots.Select(WithoutNames))), .. tree.Documents];
        return new IndexInput { Documents = documents, Manifests = [.. tree.Images.Concat(tree.Others).Select(d => d.Digest).Distinct()] };
    }

    private static Descriptor WithoutNames(Descriptor root) => root with
    {
        Annotations = root.Annotations.Where(a => a.Key is not ("io.containerd.image.name" or "org.opencontainers.image.ref.name")).ToDictionary(),
    };

    private static LayerInput[] Inputs(IImageSource source, ImageDocuments image, CancellationToken cancellationToken)
    {
        var inputs = new LayerInput[image.Manifest.Layers.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            var layer = image.Manifest.Layers[i];
            long size = source.FindSize(layer)
                ?? throw StrataException.NotFound($"The image {image.Digest} is incomplete: {source.Shown} lacks the blob of layer {i + 1}, {layer.Digest}{(MediaTypes.IsForeign(layer.MediaType) ? ", which its maker does not let others hand on" : "")}.");
            if (size != layer.SizeBytes)
                throw StrataException.Corrupt($"The image {image.Digest} is damaged: the blob {layer.Digest} has {size} bytes, not {layer.SizeBytes}.");
            bool sha256 = layer.Digest.Algorithm == "sha256";
            inputs[i] = new LayerInput
            {
                Announce = () => source.Announce(layer),
                Origin = source.OriginOf(layer),
                Open = () => sha256 ? source.Open(layer, cancellationToken) : new Sha512Stream(source.Open(layer, cancellationToken), layer.Digest),
                DiffId = image.Config.DiffIds[i],
                BlobDigest = sha256 ? layer.Digest : null,
                BlobBytes = size,
            };
        }
        return inputs;
    }

    /// <summary>The chain IDs of the layers that are not in the store yet, the base first.</summary>
    private List<ChainId> NotThere(LayerInput[] layers)
    {
        var missing = new List<ChainId>();
        ChainId? below = null;
        foreach (var layer in layers)
        {
            below = ChainId.Of(below, layer.DiffId!.Value);
            if (_store.FindLayer(below.Value) is null)
                missing.Add(below.Value);
        }
        return missing;
    }

    /// <summary>Takes back the layers of a platform's image since another platform's failed.</summary>
    private void RemoveAgain(List<ChainId> baseFirst)
    {
        foreach (var chain in baseFirst.AsEnumerable().Reverse())
        {
            try
            {
                _store.RemoveLayer(chain);
            }
            catch (StrataException e) when (e.Kind is ErrorKind.FailedPrecondition or ErrorKind.NotFound)
            {
                continue; // somebody uses it by now, or removed it
            }
        }
    }
}
