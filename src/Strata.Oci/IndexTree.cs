namespace Strata.Oci;

/// <summary>What indexes list, through all indexes inside them: which images there are, and what only comes with images.</summary>
/// <remarks>
/// Each index is read once, however often it is listed, so that what lists itself many times over costs no more. Indexes are read at most
/// <see cref="MaxDepth"/> deep, <see cref="MaxDocuments"/> of them, with <see cref="MaxEntries"/> entries together.
/// </remarks>
internal sealed class IndexTree
{
    internal const int MaxDepth = 4;
    internal const int MaxDocuments = 100;
    internal const int MaxEntries = 10_000;
    private readonly IImageSource _source;
    private readonly CancellationToken _cancellationToken;
    private readonly HashSet<Digest> _read = [];
    private readonly HashSet<Digest> _listed = [];
    private int _entries;

    private IndexTree(IImageSource source, CancellationToken cancellationToken)
    {
        _source = source;
        _cancellationToken = cancellationToken;
    }

    /// <summary>The documents of the indexes, the outermost first.</summary>
    internal List<ReadOnlyMemory<byte>> Documents { get; } = [];

    /// <summary>The images' manifests, in the order in which they are listed.</summary>
    internal List<Descriptor> Images { get; } = [];

    /// <summary>What is no image: attestations, signatures, artifacts of other kinds.</summary>
    internal List<Descriptor> Others { get; } = [];

    /// <summary>Follows descriptors.</summary>
    /// <exception cref="StrataException">
    /// NotFound: an index is missing. Corrupt: one is damaged. InvalidArgument: one is malformed, or they are nested too deep. Exhausted: there are too many.
    /// </exception>
    internal static IndexTree Read(IImageSource source, IEnumerable<Descriptor> roots, CancellationToken cancellationToken)
    {
        var tree = new IndexTree(source, cancellationToken);
        tree.Follow(roots, 0);
        // Where nothing else is listed, an image is what somebody called an attestation: the error, if it is one, is told when it is read.
        if (tree.Images.Count == 0)
            tree.Images.AddRange(tree.Others.Where(o => o.MediaType.Length == 0 || MediaTypes.IsManifest(o.MediaType)));
        return tree;
    }

    private void Follow(IEnumerable<Descriptor> descriptors, int depth)
    {
        if (depth > MaxDepth)
            throw StrataException.InvalidArgument($"{_source.Shown} has indexes nested deeper than {MaxDepth}; they may refer to each other.");
        foreach (var descriptor in descriptors)
        {
            if (++_entries > MaxEntries)
                throw StrataException.Exhausted($"{_source.Shown} lists more than {MaxEntries} manifests; that is no image.");
            if (IsCompanion(descriptor))
                Add(Others, descriptor);
            else if (MediaTypes.IsIndex(descriptor.MediaType))
                FollowIndex(descriptor, null, depth);
            else if (MediaTypes.IsManifest(descriptor.MediaType))
                Add(Images, descriptor);
            else if (descriptor.MediaType.Length > 0)
                Add(Others, descriptor);
            else if (VerifiedDocument.Read(_source, descriptor, "manifest", _cancellationToken) is var bytes && ImageIndex.LooksLike(bytes))
                FollowIndex(descriptor, bytes, depth);
            else
                Add(Images, descriptor);
        }
    }

    private void FollowIndex(Descriptor descriptor, byte[]? bytes, int depth)
    {
        if (!_read.Add(descriptor.Digest))
            return;
        if (_read.Count > MaxDocuments)
            throw StrataException.Exhausted($"{_source.Shown} has more than {MaxDocuments} indexes inside each other; that is no image.");
        bytes ??= VerifiedDocument.Read(_source, descriptor, "index", _cancellationToken);
        Documents.Add(bytes);
        Follow(ImageIndex.Parse(bytes, $"index {descriptor.Digest} of {_source.Shown}").Manifests, depth + 1);
    }

    private void Add(List<Descriptor> list, Descriptor descriptor)
    {
        if (_listed.Add(descriptor.Digest))
            list.Add(descriptor);
    }

    /// <summary>Entries that come with an image and are none: BuildKit's attestations, and what says that it is an artifact.</summary>
    private static bool IsCompanion(Descriptor descriptor) =>
        descriptor.Platform == "unknown/unknown" || descriptor.Annotations.ContainsKey("vnd.docker.reference.type") || descriptor.ArtifactType is not null;
}
