using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Strata.Oci.Registries;

/// <summary>Credentials as Docker and Podman keep them: config.json and auth.json, and the helper programs that those name.</summary>
internal sealed class CredentialFiles
{
    private readonly string? _only;
    private readonly CredentialHelper _helpers;

    /// <param name="options">Names the one file to use; if it does not, all that Podman and Docker use are read.</param>
    internal CredentialFiles(RegistryOptions options)
    {
        _only = options.AuthFile ?? Variable("REGISTRY_AUTH_FILE");
        _helpers = new CredentialHelper(options.HelperTimeout);
    }

    /// <summary>The file that a login is written to: Podman's, so that it and we know the same.</summary>
    internal string PathToWrite
    {
        get
        {
            if (_only is not null)
                return _only;
            if (Variable("XDG_RUNTIME_DIR") is { } runtime)
                return Path.Combine(runtime, "containers", "auth.json");
            return Environment.IsPrivilegedProcess ? "/run/containers/0/auth.json" : Path.Combine(ConfigHome, "containers", "auth.json");
        }
    }

    /// <summary>The credential for a repository of a registry; null: there is none, it is asked as nobody.</summary>
    /// <exception cref="StrataException">InvalidArgument: a file is malformed. Unavailable: a helper program failed.</exception>
    internal async Task<RegistryCredential?> FindAsync(string host, string repository, CancellationToken cancellationToken)
    {
        if (_only is not null && !File.Exists(_only))
            return null;
        foreach (string path in Paths())
        {
            if (await FindInAsync(path, host, repository, cancellationToken).ConfigureAwait(false) is { } found)
                return found;
        }
        return null;
    }

    /// <summary>Keeps a credential: in the file, or with the helper program that it names for the host.</summary>
    internal async Task SaveAsync(string host, RegistryCredential credential, CancellationToken cancellationToken)
    {
        if (HelperOf(PathToWrite, host) is { } helper)
        {
            await _helpers.StoreAsync(helper, host, credential, cancellationToken).ConfigureAwait(false);
            return;
        }
        Edit(auths =>
        {
            var entry = new JsonObject { ["auth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{(credential.IsIdentityToken ? "" : credential.Secret)}")) };
            if (credential.IsIdentityToken)
                entry["identitytoken"] = credential.Secret;
            auths[host] = entry;
            return true;
        });
    }

    /// <summary>Forgets a credential.</summary>
    /// <returns>False: there was none in the file that logins are written to.</returns>
    internal async Task<bool> RemoveAsync(string host, CancellationToken cancellationToken)
    {
        if (HelperOf(PathToWrite, host) is { } helper)
        {
            await _helpers.EraseAsync(helper, host, cancellationToken).ConfigureAwait(false);
            return true;
        }
        return File.Exists(PathToWrite) && Edit(auths => auths.Remove(host));
    }

    private IEnumerable<string> Paths()
    {
        string[] all = _only is not null ? [_only] :
        [
            PathToWrite,
            Path.Combine(ConfigHome, "containers", "auth.json"),
            Path.Combine(Variable("DOCKER_CONFIG") ?? Path.Combine(Home, ".docker"), "config.json"),
        ];
        return all.Distinct().Where(File.Exists);
    }

    private async Task<RegistryCredential?> FindInAsync(string path, string host, string repository, CancellationToken cancellationToken)
    {
        using var json = Read(path);
        if (HelperOf(json, host) is { } helper && await _helpers.GetAsync(helper, host, cancellationToken).ConfigureAwait(false) is { } helped)
            return helped;
        if (json.Find(json.Root, "auths") is not { ValueKind: JsonValueKind.Object } auths)
            return null;
        // Podman keeps credentials of a part of a registry under HOST/PART/…: the longest that fits counts.
        for (string key = $"{host}/{repository}"; ; key = key[..key.LastIndexOf('/')])
        {
            foreach (var entry in auths.EnumerateObject().Where(e => Bare(e.Name) == key))
            {
                if (ReadEntry(json, entry.Value, path) is { } credential)
                    return credential;
            }
            if (!key.Contains('/', StringComparison.Ordinal))
                return null;
        }
    }

    /// <summary>Docker writes some keys as addresses: https://HOST/v1/.</summary>
    private static string Bare(string key)
    {
        int scheme = key.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
            return key.TrimEnd('/');
        string rest = key[(scheme + 3)..];
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? rest : rest[..slash];
    }

    private static RegistryCredential? ReadEntry(JsonDocuments json, JsonElement entry, string path)
    {
        if (entry.ValueKind != JsonValueKind.Object)
            return null;
        string user = json.FindString(entry, "username") ?? "";
        string secret = json.FindString(entry, "password") ?? "";
        if (json.FindString(entry, "auth") is { Length: > 0 } auth)
        {
            try
            {
                string text = Encoding.UTF8.GetString(Convert.FromBase64String(auth));
                int colon = text.IndexOf(':', StringComparison.Ordinal);
                if (colon < 0)
                    throw StrataException.InvalidArgument($"An entry of '{path}' is no USER:PASSWORD in base64. Log in again.");
                (user, secret) = (text[..colon], text[(colon + 1)..].TrimEnd('\0'));
            }
            catch (FormatException e)
            {
                throw StrataException.InvalidArgument($"An entry of '{path}' is no USER:PASSWORD in base64. Log in again.", e);
            }
        }
        if (json.FindString(entry, "identitytoken") is { Length: > 0 } token)
            return new RegistryCredential(user, token, IsIdentityToken: true);
        return user.Length > 0 || secret.Length > 0 ? new RegistryCredential(user, secret) : null;
    }

    private static string? HelperOf(string path, string host)
    {
        if (!File.Exists(path))
            return null;
        using var json = Read(path);
        return HelperOf(json, host);
    }

    private static string? HelperOf(JsonDocuments json, string host)
    {
        if (json.Find(json.Root, "credHelpers") is { ValueKind: JsonValueKind.Object } helpers && json.FindString(helpers, host) is { } own)
            return own.Length == 0 ? null : own;
        return json.FindString(json.Root, "credsStore") is { Length: > 0 } store ? store : null;
    }

    /// <summary>Changes the file's auths; everything else in it stays. Readable by nobody else, whole or as before.</summary>
    private bool Edit(Func<JsonObject, bool> change)
    {
        string path = PathToWrite;
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string partial = $"{path}.{LayerId.New().ToString()[..8]}.partial";
        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            JsonObject root = [];
            if (File.Exists(path))
            {
                Read(path).Dispose(); // says what is wrong with it
                root = JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject ?? throw StrataException.InvalidArgument($"'{path}' is no JSON object.");
            }
            if (root["auths"] is not JsonObject auths)
                root["auths"] = auths = [];
            if (!change(auths))
                return false;
            using (var file = new FileStream(partial, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            using (var writer = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true }))
                root.WriteTo(writer);
            File.Move(partial, path, overwrite: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(partial);
            throw StrataException.PermissionDenied($"Can't write the credential file '{path}': {e.Message} Choose another one with --authfile.", e);
        }
    }

    private static JsonDocuments Read(string path)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            return JsonDocuments.Parse(bytes.Length == 0 ? "{}"u8.ToArray() : bytes, $"The credential file '{path}'");
        }
        catch (UnauthorizedAccessException e)
        {
            throw StrataException.PermissionDenied($"The credential file '{path}' can't be read: {e.Message} Choose another one with --authfile.", e);
        }
    }

    private static string Home => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    private static string ConfigHome => Variable("XDG_CONFIG_HOME") ?? Path.Combine(Home, ".config");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
