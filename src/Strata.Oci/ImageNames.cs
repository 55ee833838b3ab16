using Strata.Store;

namespace Strata.Oci;

/// <summary>Names of images: how they are written, and how what a user types finds one.</summary>
public static class ImageNames
{
    private const int MinIdDigits = 4;

    /// <summary>A name with its tag: <c>:latest</c> where none is given.</summary>
    /// <exception cref="StrataException">InvalidArgument: it can't be a name.</exception>
    public static string Normalize(string name)
    {
        bool right = name.Length is > 0 and <= 512 && char.IsAsciiLetterOrDigit(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '/' or ':' or '@')
            && !name.Contains("//", StringComparison.Ordinal) && !name.EndsWith('/') && !name.EndsWith(':');
        if (!right)
            throw StrataException.InvalidArgument($"'{name}' can't be an image's name: expected [HOST/]PATH[:TAG] of a-z 0-9 . _ - /.");
        int slash = name.LastIndexOf('/');
        return name.IndexOf(':', slash + 1) >= 0 || name.Contains('@', StringComparison.Ordinal) ? name : name + ":latest";
    }

    /// <summary>The image that a user means by a name, with or without <c>:latest</c> and <c>docker.io/</c>, and that name in full; null: none has it.</summary>
    public static (ImageRecord Image, string Name)? FindByName(Store.Store store, string text)
    {
        string[] forms = [text, text + ":latest", "docker.io/" + text, $"docker.io/{text}:latest", "docker.io/library/" + text, $"docker.io/library/{text}:latest", "localhost/" + text, $"localhost/{text}:latest"];
        foreach (string form in forms)
        {
            if (store.FindImage(form) is { } named)
                return (named, form);
        }
        return null;
    }

    /// <summary>The image that a user means: by name, or by the beginning of its ID or manifest's digest.</summary>
    public static ImageRecord? Find(Store.Store store, string text)
    {
        if (FindByName(store, text) is { } named)
            return named.Image;
        string hex = text.StartsWith("sha256:", StringComparison.Ordinal) ? text[7..] : text;
        if (!IsIdPrefix(hex))
            return null;
        var found = store.FindImagesByPrefix(hex, limit: 2);
        return found.Count == 2 ? throw StrataException.InvalidArgument($"'{text}' is the beginning of several images' IDs. Give more digits.") : (found.Count == 0 ? null : found[0]);
    }

    /// <summary>The image that a user means.</summary>
    /// <exception cref="StrataException">NotFound: there is none.</exception>
    public static ImageRecord Get(Store.Store store, string text) =>
        Find(store, text) ?? throw StrataException.NotFound($"There is no image '{text}' in the store. 'strata images' lists them; 'strata load FILE' adds one.");

    /// <summary>The layer that a user means: by the beginning of its chain ID or diff ID.</summary>
    public static LayerRecord? FindLayer(Store.Store store, string text)
    {
        string hex = text.StartsWith("sha256:", StringComparison.Ordinal) ? text[7..] : text;
        if (!IsIdPrefix(hex))
            return null;
        var found = store.FindLayersByPrefix(hex, limit: 2);
        return found.Count == 2 ? throw StrataException.InvalidArgument($"'{text}' is the beginning of several layers' IDs. Give more digits, or the chain ID.") : (found.Count == 0 ? null : found[0]);
    }

    private static bool IsIdPrefix(string hex) => hex.Length is >= MinIdDigits and <= 64 && hex.All(char.IsAsciiHexDigitLower);
}
