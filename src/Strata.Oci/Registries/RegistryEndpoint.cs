using System.Net;

namespace Strata.Oci.Registries;

/// <summary>One server that may have a registry's repositories: the registry itself, or a mirror.</summary>
/// <param name="Authority"><c>HOST[:PORT]</c>: by it credentials, certificates and trust are found.</param>
/// <param name="Prefix">What comes before the repository there, with a slash at its end; or empty.</param>
/// <param name="Plain">True: without TLS.</param>
/// <param name="MayBePlain">True: it may be spoken to without TLS if it does not speak TLS.</param>
/// <param name="Insecure">True: its certificate is not verified.</param>
/// <param name="CaFile">Certificates to trust besides the system's; or null.</param>
/// <param name="IsMirror">True: what fails here is tried elsewhere.</param>
internal sealed record RegistryEndpoint(string Authority, string Prefix, bool Plain, bool MayBePlain, bool Insecure, string? CaFile, bool IsMirror)
{
    internal Uri Uri(string repository, string rest) => new($"{(Plain ? "http" : "https")}://{Authority}/v2/{Prefix}{repository}/{rest}");

    internal Uri Base => new($"{(Plain ? "http" : "https")}://{Authority}/v2/");

    /// <summary>The servers to ask for a registry's repositories, in order: its mirrors, then itself.</summary>
    internal static IReadOnlyList<RegistryEndpoint> Of(string host, RegistryConfig config, RegistryOptions options, bool mirrors)
    {
        var entry = config.Find(host);
        var endpoints = new List<RegistryEndpoint>();
        foreach (string mirror in mirrors ? entry?.Mirrors ?? [] : [])
            endpoints.Add(Place(mirror, config, options: null, entry: null, isMirror: true));
        endpoints.Add(Place(entry?.Location ?? host, config, options, entry, isMirror: false));
        return endpoints;
    }

    /// <summary>True for this machine: what is sent there crosses no wire.</summary>
    internal static bool IsLoopback(string authority)
    {
        if (!System.Uri.TryCreate($"http://{authority}/", UriKind.Absolute, out var uri))
            return false;
        return uri.Host == "localhost" || uri.Host.EndsWith(".localhost", StringComparison.Ordinal)
            || (IPAddress.TryParse(uri.DnsSafeHost, out var address) && IPAddress.IsLoopback(address));
    }

    private static RegistryEndpoint Place(string place, RegistryConfig config, RegistryOptions? options, RegistryConfig.Entry? entry, bool isMirror)
    {
        int slash = place.IndexOf('/', StringComparison.Ordinal);
        string authority = slash < 0 ? place : place[..slash];
        string prefix = slash < 0 ? "" : place[(slash + 1)..].TrimEnd('/') + "/";
        var own = config.Find(authority);
        bool insecure = (own?.Insecure ?? false) || (entry?.Insecure ?? false) || options is { VerifyTls: false };
        bool plain = options is { PlainHttp: true };
        return new RegistryEndpoint(authority, prefix, plain, !plain && (insecure || IsLoopback(authority)), insecure, options?.CaFile ?? own?.Ca ?? entry?.Ca, isMirror);
    }
}
