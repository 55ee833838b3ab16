using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Strata.Oci.Registries;

/// <summary>Answers one registry's challenges: basic authentication, or tokens for scopes, fetched once and renewed before they end.</summary>
/// <remarks>What it hands out may go to the registry's own scheme, host and port only; <see cref="RegistryTransport"/> sees to that.</remarks>
internal sealed class Authenticator : IDisposable
{
    private const int MaxTokenAnswerBytes = 1 << 20;
    private static readonly TimeSpan _shortestLife = TimeSpan.FromSeconds(60); // distribution's token specification: the least that a server may mean
    private readonly RegistryEndpoint _endpoint;
    private readonly Func<CancellationToken, Task<RegistryCredential?>> _find;
    private readonly Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> _send;
    private readonly SemaphoreSlim _one = new(1);
    private readonly Dictionary<string, (string Token, DateTimeOffset Ends)> _tokens = [];
    private RegistryCredential? _credential;
    private bool _looked;
    private Challenge? _challenge;

    /// <param name="endpoint">Whose challenges are answered.</param>
    /// <param name="find">Finds the credential, when it is first needed.</param>
    /// <param name="send">Sends a request to a token server.</param>
    internal Authenticator(
        RegistryEndpoint endpoint, Func<CancellationToken, Task<RegistryCredential?>> find, Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send)
    {
        _endpoint = endpoint;
        _find = find;
        _send = send;
    }

    /// <summary>True if there is a credential for this registry, once it was asked for.</summary>
    internal bool HasCredential => _credential is not null;

    /// <summary>What to send with a request; null: nothing, as far as is known.</summary>
    internal async Task<AuthenticationHeaderValue?> HeaderAsync(IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        if (_challenge is null)
            return null;
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_challenge.Scheme == "bearer")
                return new AuthenticationHeaderValue("Bearer", await TokenAsync(scopes, cancellationToken).ConfigureAwait(false));
            var credential = await CredentialAsync(cancellationToken).ConfigureAwait(false);
            return credential is null or { IsIdentityToken: true } ? null : Basic(credential);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Learns from a refusal (401) how to ask.</summary>
    /// <param name="response">The refusal.</param>
    /// <param name="used">What the request was sent with: if it is still what we have, it is no good any more.</param>
    /// <param name="scopes">What the request needs.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>True: asking again may succeed.</returns>
    internal async Task<bool> LearnAsync(HttpResponseMessage response, AuthenticationHeaderValue? used, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        if (Challenge.Choose(response.Headers.WwwAuthenticate) is not { } challenge)
            return false;
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _challenge = challenge;
            if (challenge.Scheme == "basic")
                return used is null && await CredentialAsync(cancellationToken).ConfigureAwait(false) is { IsIdentityToken: false };
            string key = Key(scopes);
            if (used?.Parameter is { } token && _tokens.TryGetValue(key, out var kept) && kept.Token == token)
                _tokens.Remove(key);
            return true;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<RegistryCredential?> CredentialAsync(CancellationToken cancellationToken)
    {
        if (!_looked)
            _credential = await _find(cancellationToken).ConfigureAwait(false);
        _looked = true;
        return _credential;
    }

    private async Task<string> TokenAsync(IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        string key = Key(scopes);
        if (_tokens.TryGetValue(key, out var kept) && kept.Ends > DateTimeOffset.UtcNow)
            return kept.Token;
        var realm = Realm();
        using var request = await TokenRequestAsync(realm, scopes, cancellationToken).ConfigureAwait(false);
        using var response = await _send(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest)
        {
            throw StrataException.PermissionDenied(_credential is null
                ? $"{_endpoint.Authority} wants to know who asks: its token server {realm.Authority} gives nobody a token. Run 'strata login {_endpoint.Authority}', or give --creds USER:PASSWORD."
                : $"{_endpoint.Authority} does not accept the credentials: its token server {realm.Authority} answered {(int)response.StatusCode}. Run 'strata login {_endpoint.Authority}' again.");
        }
        await RegistryErrors.ThrowIfFailedAsync(response, $"ask the token server {realm.Authority} of {_endpoint.Authority} for a token", _endpoint.Authority, cancellationToken).ConfigureAwait(false);
        byte[] bytes = await RegistryErrors.ReadAsync(response, MaxTokenAnswerBytes, "the token server's answer", cancellationToken).ConfigureAwait(false);
        using var json = JsonDocuments.Parse(bytes, $"The answer of the token server {realm.Authority}");
        string token = json.FindString(json.Root, "token") is { Length: > 0 } first ? first : json.FindString(json.Root, "access_token") ?? "";
        if (token.Length == 0 || token.Any(c => c is <= ' ' or > '~'))
            throw json.Wrong("it has no token");
        long seconds = json.Find(json.Root, "expires_in") is { ValueKind: System.Text.Json.JsonValueKind.Number } number && number.TryGetInt64(out long given) ? given : 0;
        var life = TimeSpan.FromSeconds(Math.Clamp(seconds, (long)_shortestLife.TotalSeconds, 86400));
        _tokens[key] = (token, DateTimeOffset.UtcNow + (life * 0.9));
        return token;
    }

    /// <summary>The token server gets the password: it must be reached as safely as the registry itself.</summary>
    private Uri Realm()
    {
        string text = _challenge!.Parameters.GetValueOrDefault("realm", "");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var realm) || realm.Scheme is not ("https" or "http") || realm.UserInfo.Length > 0)
            throw StrataException.FailedPrecondition($"{_endpoint.Authority} names a token server that can't be one: '{RegistryErrors.Shown(text)}'.");
        bool near = RegistryEndpoint.IsLoopback(_endpoint.Authority);
        if (realm.Scheme == "http" && !(near ? RegistryEndpoint.IsLoopback(realm.Authority) : _endpoint.Plain))
            throw StrataException.FailedPrecondition($"{_endpoint.Authority} names a token server without TLS, {realm.Authority}: credentials would be sent in the clear. Refused.");
        return realm;
    }

    private async Task<HttpRequestMessage> TokenRequestAsync(Uri realm, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        var credential = await CredentialAsync(cancellationToken).ConfigureAwait(false);
        string? service = _challenge!.Parameters.GetValueOrDefault("service");
        if (credential is { IsIdentityToken: true })
        {
            var form = new List<KeyValuePair<string, string>>
            {
                new("grant_type", "refresh_token"), new("refresh_token", credential.Secret), new("client_id", "strata"), new("scope", string.Join(' ', scopes)),
            };
            if (service is not null)
                form.Add(new("service", service));
            return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
        }
        var query = new StringBuilder(realm.Query.TrimStart('?'));
        void Add(string name, string value) => query.Append(query.Length == 0 ? "" : "&").Append(name).Append('=').Append(Uri.EscapeDataString(value));
        if (service is not null)
            Add("service", service);
        foreach (string scope in scopes)
            Add("scope", scope);
        if (credential is not null)
            Add("account", credential.User);
        var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        if (credential is not null)
            request.Headers.Authorization = Basic(credential);
        return request;
    }

    private static string Key(IReadOnlyList<string> scopes) => string.Join(' ', scopes);

    private static AuthenticationHeaderValue Basic(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{credential.Secret}")));
}
