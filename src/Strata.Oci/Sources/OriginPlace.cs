using System.Diagnostics.CodeAnalysis;
using Strata.Oci.Registries;

namespace Strata.Oci;

/// <summary>How the place of a blob is written into a store's metadata.</summary>
/// <remarks><c>registry:HOST/REPOSITORY@DIGEST</c>, or <c>file:PATH?NAME</c>: a folder or tar and the file in it, both with %-escapes.</remarks>
internal static class OriginPlace
{
    private const string Registry = "registry:";
    private const string FileScheme = "file:";

    internal static string InRegistry(string host, string repository, Digest blob) => $"{Registry}{host}/{repository}@{blob}";

    internal static string InFile(string path, string name) => $"{FileScheme}{string.Join('/', Path.GetFullPath(path).Split('/').Select(Uri.EscapeDataString))}?{Uri.EscapeDataString(name)}";

    /// <summary>A repository and a blob; false: the place is in no registry.</summary>
    internal static bool TryParseRegistry(string place, [NotNullWhen(true)] out RegistryReference? repository)
    {
        repository = null;
        if (!place.StartsWith(Registry, StringComparison.Ordinal))
            return false;
        try
        {
            repository = RegistryReference.Parse(place[Registry.Length..]);
            return repository.Digest is not null;
        }
        catch (StrataException)
        {
            return false; // of another program's or version's making
        }
    }

    /// <summary>A folder or tar and the file in it; false: the place is in no file.</summary>
    internal static bool TryParseFile(string place, out (string Path, string Name) file)
    {
        file = default;
        int query = place.IndexOf('?', StringComparison.Ordinal);
        if (!place.StartsWith(FileScheme, StringComparison.Ordinal) || query < 0)
            return false;
        file = (Uri.UnescapeDataString(place[FileScheme.Length..query]), Uri.UnescapeDataString(place[(query + 1)..]));
        return true;
    }
}
