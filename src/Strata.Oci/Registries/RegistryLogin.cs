namespace Strata.Oci.Registries;

/// <summary>Logs in to registries and out again: credentials are tried, then kept where Podman keeps its own.</summary>
/// <param name="options">How registries are spoken to, and which credential file is used.</param>
public sealed class RegistryLogin(RegistryOptions? options = null)
{
    private readonly RegistryOptions _options = options ?? new RegistryOptions();

    /// <summary>The file that is written.</summary>
    public string Path => new CredentialFiles(_options).PathToWrite;

    /// <summary>Tries a credential and keeps it.</summary>
    /// <param name="host">The registry: <c>HOST[:PORT]</c>.</param>
    /// <param name="credential">The credential.</param>
    /// <param name="cancellationToken">Ends it early; nothing is kept then.</param>
    /// <exception cref="StrataException">PermissionDenied: the registry does not accept it, or the file can't be written. Unavailable: no answer.</exception>
    public async Task LoginAsync(string host, RegistryCredential credential, CancellationToken cancellationToken = default)
    {
        host = RegistryReference.ParseHost(host);
        var config = RegistryConfig.Load(_options);
        var asked = _options with { Credential = credential };
        using (var client = new RegistryClient(RegistryEndpoint.Of(host, config, asked, mirrors: false)[0], "", config, asked))
            await client.PingAsync(cancellationToken).ConfigureAwait(false);
        await new CredentialFiles(_options).SaveAsync(host, credential, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets a credential.</summary>
    /// <exception cref="StrataException">NotFound: there is none in the file that is written.</exception>
    public async Task LogoutAsync(string host, CancellationToken cancellationToken = default)
    {
        host = RegistryReference.ParseHost(host);
        if (!await new CredentialFiles(_options).RemoveAsync(host, cancellationToken).ConfigureAwait(false))
            throw StrataException.NotFound($"'{Path}' has no credential for {host}.");
    }
}
