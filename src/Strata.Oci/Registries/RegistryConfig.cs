using System.Text.Json;

namespace Strata.Oci.Registries;

/// <summary>registries.json: where registries really are, their mirrors, and how much they are trusted. docs/guide/registries.md.</summary>
internal sealed class RegistryConfig
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="Location">Where it really is, <c>HOST[:PORT][/PREFIX]</c>; null: where its name says.</param>
    /// <param name="Mirrors">Where to ask first, in order.</param>
    /// <param name="Insecure">True: plain HTTP and unverified certificates will do.</param>
    /// <param name="Ca">A file of certificates to trust, or null.</param>
    internal sealed record Entry(string? Location, IReadOnlyList<string> Mirrors, bool Insecure, string? Ca);

    /// <summary>The registry of names that have none; or null.</summary>
    internal string? Default { get; private set; }

    /// <summary>Reads the files that there are; what a later one says of a registry replaces what an earlier one said.</summary>
    /// <exception cref="StrataException">InvalidArgument: one is malformed. NotFound: one that was named is not there.</exception>
    internal static RegistryConfig Load(RegistryOptions options)
    {
        var config = new RegistryConfig();
        string? named = options.ConfigFile ?? Variable("STRATA_REGISTRIES");
        if (named is not null)
        {
            config.Add(named, File.Exists(named) ? File.ReadAllBytes(named) : throw StrataException.NotFound($"There is no registries configuration '{named}'."));
            return config;
        }
        string home = Variable("XDG_CONFIG_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config");
        foreach (string path in new[] { "/etc/strata/registries.json", Path.Combine(home, "strata", "registries.json") })
        {
            if (File.Exists(path))
                config.Add(path, File.ReadAllBytes(path));
        }
        return config;
    }

    /// <summary>What is said of a registry or mirror; null: nothing.</summary>
    internal Entry? Find(string host) => _entries.GetValueOrDefault(host);

    internal void Add(string path, byte[] bytes)
    {
        using var json = JsonDocuments.Parse(bytes, path);
        foreach (var property in json.Root.ValueKind == JsonValueKind.Object ? json.Root.EnumerateObject().ToArray() : throw json.Wrong("it is no object"))
        {
            if (property.Name is not ("default" or "registries"))
                throw json.Wrong($"it has '{property.Name}'; known are default and registries");
        }
        if (json.FindString(json.Root, "default") is { } host)
            Default = RegistryReference.ParseHost(host);
        if (json.Find(json.Root, "registries") is null)
            return;
        foreach (var registry in json.Object(json.Root, "registries").EnumerateObject())
            _entries[RegistryReference.ParseHost(registry.Name)] = ReadEntry(json, registry.Value, Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    private static Entry ReadEntry(JsonDocuments json, JsonElement element, string folder)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw json.Wrong("a registry is no object");
        foreach (var property in element.EnumerateObject())
        {
            if (property.Name is not ("location" or "mirrors" or "insecure" or "ca"))
                throw json.Wrong($"a registry has '{property.Name}'; known are location, mirrors, insecure and ca");
        }
        bool insecure = json.Find(element, "insecure")?.ValueKind switch
        {
            null or JsonValueKind.False => false,
            JsonValueKind.True => true,
            _ => throw json.Wrong("'insecure' is neither true nor false"),
        };
        string? location = json.FindString(element, "location");
        string[] mirrors = json.Find(element, "mirrors") is null ? [] : json.Strings(element, "mirrors");
        foreach (string place in mirrors.Append(location ?? "localhost"))
            RegistryReference.ParseHost(place.Split('/')[0]);
        return new Entry(location, mirrors, insecure, json.FindString(element, "ca") is { } ca ? Path.Combine(folder, ca) : null);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
