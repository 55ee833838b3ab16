using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;

namespace Strata.Oci.Registries;

/// <summary>Sends requests to one registry or mirror: authenticated, redirected safely, tried again.</summary>
/// <remarks>
/// Credentials go to the endpoint's own scheme, host and port, and to its token server; never to where it redirects (CVE-2020-15157). A redirect
/// never leads from TLS to none, nor from elsewhere to this machine or its link-local neighbours.
/// </remarks>
internal sealed class RegistryTransport : IDisposable
{
    private const int MaxRedirects = 5;
    private readonly RegistryConfig _config;
    private readonly RegistryOptions _options;
    private readonly Dictionary<string, (HttpClient Client, RegistryCertificates Certificates)> _clients = new(StringComparer.OrdinalIgnoreCase);
    private readonly Authenticator _authenticator;
    private bool _schemeKnown;

    internal RegistryTransport(RegistryEndpoint endpoint, string repository, RegistryConfig config, RegistryOptions options)
    {
        Endpoint = endpoint;
        _config = config;
        _options = options;
        _schemeKnown = endpoint.Plain || !endpoint.MayBePlain;
        var files = new CredentialFiles(options);
        // Credentials that were given are for the registry that was named, not for its mirrors.
        _authenticator = new Authenticator(
            endpoint,
            async cancellation => (endpoint.IsMirror ? null : options.Credential) ?? await files.FindAsync(endpoint.Authority, endpoint.Prefix + repository, cancellation).ConfigureAwait(false),
            (request, cancellation) => SendOnceAsync(request, _options.StallTimeout, cancellation));
    }

    /// <summary>The server; which scheme it speaks is known after the first request.</summary>
    internal RegistryEndpoint Endpoint { get; private set; }

    /// <summary>Sends a request until it is answered.</summary>
    /// <returns>An answer of success, or one that the request expects. Its body is not read yet; the caller disposes it.</returns>
    /// <exception cref="StrataException">By kind as <see cref="RegistryErrors"/> says; Unavailable: no answer; FailedPrecondition: TLS fails.</exception>
    internal Task<HttpResponseMessage> SendAsync(Func<RegistryEndpoint, RegistryRequest> make, CancellationToken cancellationToken) =>
        RetryPolicy.RunAsync(_options, () => TryAsync(make, cancellationToken), cancellationToken);

    /// <summary>Sends a request once.</summary>
    /// <exception cref="TransientException">It may succeed later.</exception>
    internal async Task<HttpResponseMessage> TryAsync(Func<RegistryEndpoint, RegistryRequest> make, CancellationToken cancellationToken)
    {
        if (!_schemeKnown)
            await FindSchemeAsync(cancellationToken).ConfigureAwait(false);
        var request = make(Endpoint);
        var uri = request.Uri;
        int refused = 0;
        for (int redirects = 0; ;)
        {
            bool own = IsOwn(uri);
            var used = own ? await _authenticator.HeaderAsync(request.Scopes, cancellationToken).ConfigureAwait(false) : null;
            var response = await SendOnceAsync(request, uri, used, cancellationToken).ConfigureAwait(false);
            try
            {
                if (response.IsSuccessStatusCode || request.Expected.Contains(response.StatusCode))
                    return response;
                // Once to be told how to ask, once more for a token that was good before.
                if (response.StatusCode == HttpStatusCode.Unauthorized && own && refused < (used is null ? 1 : 2) && await _authenticator.LearnAsync(response, used, request.Scopes, cancellationToken).ConfigureAwait(false))
                {
                    refused++;
                }
                else if (IsRedirect(response.StatusCode) && (request.Method == HttpMethod.Get || request.Method == HttpMethod.Head))
                {
                    if (++redirects > MaxRedirects)
                        throw StrataException.FailedPrecondition($"Can't {request.What}: {Endpoint.Authority} redirects more than {MaxRedirects} times.");
                    uri = RequireSafe(uri, response.Headers.Location, request.What);
                }
                else
                {
                    await RegistryErrors.ThrowIfFailedAsync(response, request.What, own ? Endpoint.Authority : uri.Authority, cancellationToken).ConfigureAwait(false);
                }
                response.Dispose();
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
    }

    /// <summary>Where the registry points to, if going there is safe.</summary>
    /// <exception cref="StrataException">FailedPrecondition: it is not.</exception>
    internal Uri RequireSafe(Uri from, Uri? location, string what)
    {
        if (location is null || !Uri.TryCreate(from, location, out var to))
            throw StrataException.FailedPrecondition($"Can't {what}: {from.Authority} points to nowhere.");
        string? why =
            to.Scheme is not ("https" or "http") ? $"by '{RegistryErrors.Shown(to.Scheme)}'"
            : to.UserInfo.Length > 0 ? "with credentials in its address"
            : to.Scheme == "http" && (from.Scheme == "https" || !Endpoint.Plain) ? "without TLS"
            : IsLinkLocal(to) ? "at a link-local address"
            : RegistryEndpoint.IsLoopback(to.Authority) && !RegistryEndpoint.IsLoopback(Endpoint.Authority) ? "on this machine"
            : null;
        return why is null ? to : throw StrataException.FailedPrecondition($"Can't {what}: {from.Authority} points to a place {why}, {RegistryErrors.Shown(to.Authority)}. Refused.");
    }

    public void Dispose()
    {
        lock (_clients)
        {
            foreach (var (client, certificates) in _clients.Values)
            {
                client.Dispose();
                certificates.Dispose();
            }
            _clients.Clear();
        }
        _authenticator.Dispose();
    }

    private bool IsOwn(Uri uri) => Uri.Compare(uri, Endpoint.Base, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;

    private static bool IsLinkLocal(Uri uri) => IPAddress.TryParse(uri.DnsSafeHost, out var address)
        && (address.IsIPv6LinkLocal || (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).GetAddressBytes() is [169, 254, _, _]);

    /// <summary>Loopback and what is called insecure may speak plain HTTP: TLS is tried first, and whoever shows a certificate is held to it.</summary>
    private async Task FindSchemeAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Endpoint.Base);
        try
        {
            using var response = await SendOnceAsync(request, _options.StallTimeout, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.Unauthorized)
                await _authenticator.LearnAsync(response, null, [], cancellationToken).ConfigureAwait(false);
            _schemeKnown = true;
        }
        catch (TlsFailedException e) when (!e.SawCertificate)
        {
            Endpoint = Endpoint with { Plain = true };
            _schemeKnown = true;
        }
    }

    private async Task<HttpResponseMessage> SendOnceAsync(RegistryRequest request, Uri uri, AuthenticationHeaderValue? authorization, CancellationToken cancellationToken)
    {
        using var watch = new StallWatch(_options.StallTimeout * request.Patience, cancellationToken);
        using var message = new HttpRequestMessage(request.Method, uri) { Content = request.Content?.Invoke(watch) };
        message.Headers.Authorization = authorization;
        foreach (string type in request.Accept)
            message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        if (request.From > 0)
        {
            message.Headers.Range = new RangeHeaderValue(request.From, null);
            if (request.IfRange is { } tag)
                message.Headers.IfRange = new RangeConditionHeaderValue(tag);
        }
        return await SendOnceAsync(message, watch, _options.StallTimeout * request.Patience, cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage message, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var watch = new StallWatch(patience, cancellationToken);
        return await SendOnceAsync(message, watch, patience, cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage message, StallWatch watch, TimeSpan patience, CancellationToken cancellationToken)
    {
        var (client, certificates) = ClientOf(message.RequestUri!);
        string host = message.RequestUri!.Authority;
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("strata", null));
        try
        {
            return await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransientException($"{host} did not answer in {patience.TotalSeconds:0.#} s.", e);
        }
        catch (HttpRequestException e) when (e.InnerException is StrataException own)
        {
            throw new StrataException(own.Kind, own.Message, own); // from a body that we made
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError && (e.InnerException is AuthenticationException || !certificates.SawCertificate))
        {
            throw new TlsFailedException(host, certificates.SawCertificate, e);
        }
        catch (HttpRequestException e)
        {
            bool stubborn = e.HttpRequestError is HttpRequestError.NameResolutionError || e.InnerException is System.Net.Sockets.SocketException { SocketErrorCode: System.Net.Sockets.SocketError.ConnectionRefused };
            throw new TransientException($"{host} can't be reached: {(e.InnerException ?? e).Message.TrimEnd('.')}.", e) { IsStubborn = stubborn };
        }
    }

    private (HttpClient Client, RegistryCertificates Certificates) ClientOf(Uri uri)
    {
        string key = uri.GetLeftPart(UriPartial.Authority);
        lock (_clients)
        {
            if (_clients.TryGetValue(key, out var found))
                return found;
            string authority = uri.Authority;
            // Token servers and storage that a registry redirects to are as trusted as the command says, and as the configuration says of them.
            var place = IsOwn(uri) || authority == Endpoint.Authority ? Endpoint : RegistryEndpoint.Of(authority, _config, _options, mirrors: false)[0] with { Authority = authority };
            var certificates = new RegistryCertificates(place, _options.CertificateDirectories);
            var handler = new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = _options.StallTimeout,
                PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
                SslOptions = certificates.ToOptions(),
                InitialHttp2StreamWindowSize = 1 << 20,
            };
            found = (new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }, certificates);
            _clients[key] = found;
            return found;
        }
    }

    /// <summary>TLS could not be agreed on.</summary>
    private sealed class TlsFailedException(string host, bool sawCertificate, Exception inner) : StrataException(
        ErrorKind.FailedPrecondition,
        sawCertificate
            ? $"The certificate of {host} is not trusted: {(inner.InnerException ?? inner).Message.TrimEnd('.')}. Give the certificates that signed it by --ca FILE, or put them into certs.d."
            : $"{host} does not speak TLS: {(inner.InnerException ?? inner).Message.TrimEnd('.')}. If it is a registry without TLS that you trust, give --plain-http.",
        inner)
    {
        internal bool SawCertificate => sawCertificate;
    }
}
