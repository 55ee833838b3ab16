using System.Globalization;
using System.Text.Json;

namespace Strata.Oci;

/// <summary>Reads JSON strictly: one document, no duplicate names, and errors that say which part of what is wrong.</summary>
internal sealed class JsonDocuments : IDisposable
{
    /// <summary>The most bytes that a manifest, index or config may have: registries' own limit (distribution-spec). CVE-2020-1702, CVE-2023-25153.</summary>
    internal const int MaxBytes = 4 << 20;

    private readonly JsonDocument _document;
    private readonly string _what;

    private JsonDocuments(JsonDocument document, string what)
    {
        _document = document;
        _what = what;
    }

    internal JsonElement Root => _document.RootElement;

    internal static JsonDocuments Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
            RequireText(document.RootElement);
            var parsed = new JsonDocuments(document, what);
            parsed.RequireOneCase();
            return parsed;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            document?.Dispose();
            throw StrataException.InvalidArgument($"{what} is no valid JSON: {e.Message}", e);
        }
        catch
        {
            document?.Dispose();
            throw;
        }
    }

    /// <summary>Go's programs read names without regard to case: <c>layers</c> beside <c>Layers</c> would mean one thing here and another one there.</summary>
    private void RequireOneCase()
    {
        if (Root.ValueKind != JsonValueKind.Object)
            return;
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var member in Root.EnumerateObject())
        {
            if (!names.Add(member.Name))
                throw Wrong($"it has '{member.Name}' twice, in different cases");
        }
    }

    /// <summary>The parser lets strings pass that are no text, such as halves of surrogates; reading one throws InvalidOperationException, here and not later.</summary>
    private static void RequireText(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    RequireText(item);
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    _ = property.Name;
                    RequireText(property.Value);
                }
                break;
        }
    }

    /// <summary>The schema version that both manifests and indexes must have.</summary>
    internal void RequireSchemaVersion2()
    {
        if (Find(Root, "schemaVersion") is not { ValueKind: JsonValueKind.Number } version || !version.TryGetInt32(out int number) || number != 2)
            throw StrataException.NotSupported($"{_what} is of another schema version than 2; such images must be pulled and saved anew.");
    }

    /// <summary>An array of strings.</summary>
    internal string[] Strings(JsonElement parent, string name) =>
        [.. Array(parent, name).Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong($"'{name}' holds something that is no string"))];

    /// <summary>An array, or null, which Go's programs write for an empty one.</summary>
    internal IEnumerable<JsonElement> ArrayOrNull(JsonElement parent, string name) => Find(parent, name) is { ValueKind: JsonValueKind.Null } ? [] : Array(parent, name);

    /// <summary>What is said of a text that is no digest, or one of an algorithm that is not known here.</summary>
    internal StrataException WrongDigest(string? text, string where)
    {
        // descriptor.md, "Digests": the algorithm's name, a colon, and what the algorithm makes of it.
        int colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        bool wellFormed = colon > 0 && text!.Length <= 1024 && text.AsSpan(0, 6) is not ("sha256" or "sha512")
            && text[..colon].All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '+' or '.' or '_' or '-')
            && colon < text.Length - 1 && text[(colon + 1)..].All(c => char.IsAsciiLetterOrDigit(c) || c is '=' or '_' or '-');
        return wellFormed
            ? StrataException.NotSupported($"{_what} names something by '{text![..colon]}', an algorithm that is not known here; sha256 and sha512 are.")
            : Wrong($"{where} '{Shorten(text)}' as a digest");
    }

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 100 ? text : text[..100] + "…";

    internal StrataException Wrong(string why) => StrataException.InvalidArgument($"{_what} is wrong: {why}.");

    internal JsonElement Object(JsonElement parent, string name) =>
        Find(parent, name) is { ValueKind: JsonValueKind.Object } found ? found : throw Wrong($"it has no object '{name}'");

    internal IEnumerable<JsonElement> Array(JsonElement parent, string name) =>
        Find(parent, name) is { ValueKind: JsonValueKind.Array } found ? found.EnumerateArray() : throw Wrong($"it has no array '{name}'");

    internal string String(JsonElement parent, string name) =>
        FindString(parent, name) ?? throw Wrong($"it has no string '{name}'");

    internal string? FindString(JsonElement parent, string name) => Find(parent, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.String } found => found.GetString(),
        _ => throw Wrong($"'{name}' is no string"),
    };

    internal JsonElement? Find(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object)
            throw Wrong("it is no object where it should be one");
        return parent.TryGetProperty(name, out var found) ? found : null;
    }

    internal Descriptor Descriptor(JsonElement element)
    {
        if (!Digest.TryParse(FindString(element, "digest"), out var digest))
            throw WrongDigest(FindString(element, "digest"), "a descriptor has");
        if (Find(element, "size") is not { ValueKind: JsonValueKind.Number } number || !number.TryGetInt64(out long size) || size < 0)
            throw Wrong($"the descriptor of {digest} has no size");
        var annotations = new Dictionary<string, string>();
        if (Find(element, "annotations") is { ValueKind: JsonValueKind.Object } all)
        {
            foreach (var one in all.EnumerateObject())
                annotations[one.Name] = one.Value.ValueKind == JsonValueKind.String ? one.Value.GetString()! : throw Wrong("an annotation is no string");
        }
        string? platform = null;
        if (Find(element, "platform") is { ValueKind: JsonValueKind.Object } p)
        {
            string? variant = FindString(p, "variant");
            platform = string.Create(CultureInfo.InvariantCulture, $"{FindString(p, "os")}/{FindString(p, "architecture")}{(string.IsNullOrEmpty(variant) ? "" : "/" + variant)}");
        }
        return new Descriptor(FindString(element, "mediaType") ?? "", digest, size)
        {
            Annotations = annotations, Platform = platform, ArtifactType = FindString(element, "artifactType") is { Length: > 0 } artifact ? artifact : null,
        };
    }

    public void Dispose() => _document.Dispose();
}
