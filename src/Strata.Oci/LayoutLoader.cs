using Strata.Store;

namespace Strata.Oci;

/// <summary>Loads the images of an OCI layout (image-spec, image-layout.md), each by its name.</summary>
internal sealed class LayoutLoader(IImageFiles files, Store.Store store, LoadOptions options)
{
    /// <summary>Loads them.</summary>
    /// <param name="fallbackName">What images without a name are called.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal List<ImageRecord> Load(string fallbackName, CancellationToken cancellationToken)
    {
        using (var layout = JsonDocuments.Parse(files.ReadDocument("oci-layout"), $"oci-layout of {files.Shown}"))
        {
            if (layout.String(layout.Root, "imageLayoutVersion") is var version && !version.StartsWith("1.", StringComparison.Ordinal))
                throw StrataException.NotSupported($"{files.Shown} is an OCI layout of version {version}; version 1 is known.");
        }
        var index = ImageIndex.Parse(files.ReadDocument("index.json"), $"index.json of {files.Shown}");
        if (index.Manifests.Count > IndexTree.MaxEntries)
            throw StrataException.Exhausted($"{files.Shown} lists more than {IndexTree.MaxEntries} manifests; that is no image.");
        var groups = index.Manifests.GroupBy(d => NameTextOf(d, fallbackName), d => d).Select(g => (Name: g.Key, Roots: g.DistinctBy(d => d.Digest).ToArray())).ToArray();
        // What only comes with images has no name of its own, and must not become one under the file's.
        if (groups.Where(g => g.Roots.Any(IsImage)).ToArray() is { Length: > 0 } named)
            groups = named;
        if (options.Name is { } only && groups.Length > 1)
        {
            // One image under several names is still one.
            if (groups.Select(g => string.Join(' ', g.Roots.Select(d => d.Digest))).Distinct().Count() > 1)
                throw StrataException.InvalidArgument($"{files.Shown} holds {groups.Length} images ({string.Join(", ", groups.Select(g => g.Name).Take(20))}); they can't all be named '{only}'. Leave out -t.");
            groups = groups[..1];
        }
        foreach (var (name, roots) in groups)
            RequireOwnDigest(options.Name ?? name, roots);
        using var source = new LayoutSource(files);
        var importer = new ImageImporter(store, options);
        var loaded = new List<ImageRecord>();
        foreach (var (name, roots) in groups)
            loaded.AddRange(importer.Import(source, roots, [options.Name ?? ImageNames.Normalize(name)], cancellationToken));
        // An image that came under several names is one image: tell it once, with all of them.
        loaded = [.. loaded.GroupBy(i => i.Manifest).Select(same => same.Last())];
        return loaded.Count > 0 ? loaded : throw StrataException.NotFound($"The OCI layout {files.Shown} lists no image.");
    }

    /// <summary>Told before anything is unpacked; the store refuses it in any case.</summary>
    private void RequireOwnDigest(string name, Descriptor[] roots)
    {
        if (ImageReference.Parse(name).Digest is { } told && !roots.Any(r => r.Digest == told))
        {
            throw StrataException.InvalidArgument(
                $"The name '{name}' has another digest than the image of {files.Shown}, which is {roots[0].Digest}. Give it a name without a digest: strata load -t NAME.");
        }
    }

    private static bool IsImage(Descriptor d) =>
        d.Platform != "unknown/unknown" && !d.Annotations.ContainsKey("vnd.docker.reference.type") && d.ArtifactType is null
        && (d.MediaType.Length == 0 || MediaTypes.IsManifest(d.MediaType) || MediaTypes.IsIndex(d.MediaType));

    /// <summary>containerd's full name, else a reference that is a name, else the file's name and the reference as its tag.</summary>
    private static string NameTextOf(Descriptor descriptor, string fallback)
    {
        if (descriptor.Annotations.TryGetValue("io.containerd.image.name", out string? full) && full.Length > 0)
            return full;
        descriptor.Annotations.TryGetValue("org.opencontainers.image.ref.name", out string? reference);
        if (reference is { Length: > 0 } && (reference.Contains('/', StringComparison.Ordinal) || reference.Contains(':', StringComparison.Ordinal)))
            return reference;
        return $"{ImageNames.FromFileName(fallback)}:{(string.IsNullOrEmpty(reference) ? "latest" : reference)}";
    }
}
