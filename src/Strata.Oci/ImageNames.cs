using Strata.Store;

namespace Strata.Oci;

/// <summary>Names of images: how they are written, and how what a user types finds one.</summary>
public static class ImageNames
{
    private const int MinIdDigits = 4;

    /// <summary>A name with its tag: <c>:latest</c> where neither a tag nor a digest is given.</summary>
    /// <exception cref="StrataException">InvalidArgument: it can't be a name.</exception>
    public static string Normalize(string name)
    {
        var reference = ImageReference.Parse(name);
        return (reference.Tag is null && reference.Digest is null ? reference with { Tag = "latest" } : reference).ToString();
    }

    /// <summary>The name of an image that is only being made. It can't have a digest: that is known when the image is.</summary>
    /// <exception cref="StrataException">InvalidArgument: it can't be a name, or it has a digest.</exception>
    internal static string NormalizeNew(string name) => WithoutDigest(Normalize(name), "an image that is only being made");

    /// <summary>The same name, which must have no digest.</summary>
    internal static string WithoutDigest(string name, string image) => !name.Contains('@', StringComparison.Ordinal) ? name
        : throw StrataException.InvalidArgument($"'{name}' can't be the name of {image}: whose digest that would be is not known. Give it a name without a digest.");

    /// <summary>A name made of a file's, without a tag.</summary>
    internal static string FromFileName(string file)
    {
        string lower = file.ToLowerInvariant();
        var parts = lower.Split(lower.Where(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c)).Distinct().ToArray(), StringSplitOptions.RemoveEmptyEntries);
        // Dots stay where they can: a file's version is part of its name.
        string name = string.Join('-', parts);
        bool asIs = lower.Length is > 0 and < 200 && lower.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-');
        if (asIs && TryNormalize(lower) is not null)
            return lower;
        return name.Length == 0 ? "image" : name[..Math.Min(name.Length, 200)].TrimEnd('-');
    }

    private static string? TryNormalize(string name)
    {
        try
        {
            return Normalize(name);
        }
        catch (StrataException)
        {
            return null;
        }
    }

    /// <summary>
    /// The image that a user means by a name, with or without <c>:latest</c> and <c>docker.io/</c>, and that name in full; null: none has it. One of the
    /// store goes before one of a shared store, which is told as it is there.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="text">The name.</param>
    /// <param name="shared">False: only images of the store itself.</param>
    public static (ImageRecord Image, string Name)? FindByName(Store.Store store, string text, bool shared = true)
    {
        string[] forms = [text, text + ":latest", "docker.io/" + text, $"docker.io/{text}:latest", "docker.io/library/" + text, $"docker.io/library/{text}:latest", "localhost/" + text, $"localhost/{text}:latest"];
        foreach (string form in forms)
        {
            if (store.FindImage(form) is { } named)
                return (named, form);
        }
        if (!shared || store.SharedStores.Count == 0)
            return null;
        foreach (string form in forms)
        {
            if (store.FindSharedImage(form) is { } named)
                return (named, form);
        }
        return null;
    }

    /// <summary>The image that a user means: by name, or by the beginning of its ID or manifest's digest. One of a shared store becomes one of the store that lies there.</summary>
    /// <param name="store">The store.</param>
    /// <param name="text">The name or ID.</param>
    /// <param name="platform">Which of the platforms of the index that the name, or the image, came by; null: the image itself.</param>
    /// <exception cref="StrataException">InvalidArgument: it is the beginning of several IDs. NotFound: there is such an image, but not for the platform.</exception>
    public static ImageRecord? Find(Store.Store store, string text, string? platform = null)
    {
        var found = FindAnywhere(store, text);
        if (found is not null && platform is not null)
            found = OfPlatform(store, found, text, Platform.Parse(platform));
        return found is { SharedFrom: not null } ? store.BorrowImage(found) : found;
    }

    /// <summary>The image of the store itself that a user means, whatever shared stores have.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is the beginning of several IDs.</exception>
    public static ImageRecord? FindOwn(Store.Store store, string text) => FindByName(store, text, shared: false)?.Image ?? ByPrefix(text, store.FindImagesByPrefix);

    private static ImageRecord? FindAnywhere(Store.Store store, string text) =>
        FindByName(store, text)?.Image ?? ByPrefix(text, store.FindImagesByPrefix) ?? ByPrefix(text, store.FindSharedImagesByPrefix);

    private static ImageRecord? ByPrefix(string text, Func<string, int, IReadOnlyList<ImageRecord>> find)
    {
        string hex = text.StartsWith("sha256:", StringComparison.Ordinal) ? text[7..] : text;
        if (!IsIdPrefix(hex))
            return null;
        var found = find(hex, 2);
        return found.Count == 2 ? throw StrataException.InvalidArgument($"'{text}' is the beginning of several images' IDs. Give more digits.") : (found.Count == 0 ? null : found[0]);
    }

    /// <summary>The image that a user means.</summary>
    /// <exception cref="StrataException">NotFound: there is none.</exception>
    public static ImageRecord Get(Store.Store store, string text, string? platform = null) =>
        Find(store, text, platform) ?? throw StrataException.NotFound($"There is no image '{text}' in the store. 'strata images' lists them; 'strata load FILE' adds one.");

    private static ImageRecord OfPlatform(Store.Store store, ImageRecord image, string text, Platform wanted)
    {
        var index = image.SharedFrom is not null ? null : FindByName(store, text) is { } named ? store.FindIndex(named.Name) : image.Indexes.Select(store.FindIndex).FirstOrDefault();
        ImageRecord[] all = image.SharedFrom is not null ? [.. store.FindSharedSiblings(image)] : index is null ? [image] : [.. index.Manifests.Select(store.FindImage).OfType<ImageRecord>()];
        return wanted.Usable(otherArchitectures: false).Select(p => all.FirstOrDefault(i => i.Platform == p.ToString())).FirstOrDefault(i => i is not null)
            ?? throw StrataException.NotFound(
                $"The image '{text}' is not in the store for {wanted}, but for {string.Join(", ", all.Select(i => i.Platform ?? "a platform that it does not tell"))}. Load it with --platform or --all-platforms.");
    }

    /// <summary>The layer that a user means: by the beginning of its chain ID or diff ID.</summary>
    public static LayerRecord? FindLayer(Store.Store store, string text)
    {
        string hex = text.StartsWith("sha256:", StringComparison.Ordinal) ? text[7..] : text;
        if (!IsIdPrefix(hex))
            return null;
        var found = store.FindLayersByPrefix(hex, limit: 2);
        if (found.Count == 0 && store.FindSharedLayersByPrefix(hex, limit: 2) is { Count: > 0 } shared)
            found = [.. shared.Select(store.BorrowLayer)];
        return found.Count == 2 ? throw StrataException.InvalidArgument($"'{text}' is the beginning of several layers' IDs. Give more digits, or the chain ID.") : (found.Count == 0 ? null : found[0]);
    }

    private static bool IsIdPrefix(string hex) => hex.Length is >= MinIdDigits and <= 64 && hex.All(char.IsAsciiHexDigitLower);
}
