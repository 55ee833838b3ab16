namespace Strata.Oci.Registries;

/// <summary>An image in a registry: a name that says from which one.</summary>
/// <param name="Host">The registry, with its port if one is given.</param>
/// <param name="Repository">The repository, without the host.</param>
/// <param name="Tag">The tag; null: a digest was given and no tag.</param>
/// <param name="Digest">The digest of the manifest or index; null: none was given.</param>
public sealed record RegistryReference(string Host, string Repository, string? Tag, Digest? Digest)
{
    /// <summary>What the registry is asked for: the digest if there is one, else the tag.</summary>
    public string Wanted => Digest?.ToString() ?? Tag ?? "latest";

    /// <summary>The name that the image gets in a store.</summary>
    public string Name => new ImageReference(Host, Repository, Tag, Digest).ToString();

    /// <summary>Reads a reference: <c>HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]</c>.</summary>
    /// <param name="text">What the user typed.</param>
    /// <param name="defaultHost">The host of names that have none; null: such names are refused.</param>
    /// <exception cref="StrataException">InvalidArgument: it can't be a name, or it has no host.</exception>
    public static RegistryReference Parse(string text, string? defaultHost = null)
    {
        var name = ImageReference.Parse(text);
        string host = name.Host ?? defaultHost ?? throw StrataException.InvalidArgument(
            $"'{text}' does not say from which registry: write HOST[:PORT]/{text}, or name a default one in registries.json.");
        return new RegistryReference(host, name.Path, name.Tag ?? (name.Digest is null ? "latest" : null), name.Digest);
    }

    /// <summary>Reads the name of a registry alone: <c>HOST[:PORT]</c>.</summary>
    /// <exception cref="StrataException">InvalidArgument: it is none.</exception>
    public static string ParseHost(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length > 0 && !text.Contains('/', StringComparison.Ordinal) && Uri.TryCreate($"https://{text}/", UriKind.Absolute, out var uri)
            && uri.UserInfo.Length == 0 && uri.AbsolutePath == "/" && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or ':' or '[' or ']')
            ? text
            : throw StrataException.InvalidArgument($"'{text}' can't be a registry: expected HOST or HOST:PORT.");
    }

    /// <summary>The reference in full.</summary>
    public override string ToString() => Name;
}
