using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Strata.Oci.Registries;

/// <summary>Which certificates are trusted and shown: the system's, an endpoint's file, and Docker's folders of certificates by host.</summary>
internal sealed class RegistryCertificates : IDisposable
{
    private readonly X509Certificate2Collection _trusted = [];
    private readonly X509Certificate2Collection _own = [];
    private readonly bool _verify;

    /// <exception cref="StrataException">NotFound, InvalidArgument: a file is missing or holds no certificates.</exception>
    internal RegistryCertificates(RegistryEndpoint endpoint, IReadOnlyList<string>? directories)
    {
        _verify = !endpoint.Insecure;
        if (endpoint.CaFile is { } ca)
        {
            if (!File.Exists(ca))
                throw StrataException.NotFound($"There is no file of certificates '{ca}'.");
            Add(ca);
        }
        foreach (string folder in (directories ?? Defaults()).Select(d => Path.Combine(d, endpoint.Authority)).Where(Directory.Exists))
        {
            foreach (string file in Directory.GetFiles(folder, "*.crt").Order(StringComparer.Ordinal))
                Add(file);
            foreach (string file in Directory.GetFiles(folder, "*.cert").Order(StringComparer.Ordinal))
                AddOwn(file, Path.ChangeExtension(file, ".key"));
        }
    }

    /// <summary>True once a server showed a certificate: then it speaks TLS, and is never spoken to without.</summary>
    internal bool SawCertificate { get; private set; }

    /// <summary>How TLS is spoken to this endpoint.</summary>
    internal SslClientAuthenticationOptions ToOptions()
    {
        var options = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = Validate };
        if (_own.Count > 0)
        {
            options.ClientCertificates = _own;
            options.LocalCertificateSelectionCallback = (_, _, _, _, _) => _own[0];
        }
        return options;
    }

    public void Dispose()
    {
        foreach (var certificate in _trusted.Concat(_own))
            certificate.Dispose();
    }

    private bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        SawCertificate = true;
        if (!_verify || errors == SslPolicyErrors.None)
            return true;
        // Only who signed it may be made good by the files; a wrong name may not.
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || _trusted.Count == 0 || certificate is null)
            return false;
        using var again = new X509Chain();
        again.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        again.ChainPolicy.CustomTrustStore.AddRange(_trusted);
        again.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        again.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // a server's
        foreach (var element in chain?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
            again.ChainPolicy.ExtraStore.Add(element.Certificate);
        using var leaf = new X509Certificate2(certificate);
        return again.Build(leaf);
    }

    private void Add(string file)
    {
        try
        {
            int before = _trusted.Count;
            _trusted.ImportFromPemFile(file);
            if (_trusted.Count == before)
                throw StrataException.InvalidArgument($"The file '{file}' holds no certificate in PEM.");
        }
        catch (CryptographicException e)
        {
            throw StrataException.InvalidArgument($"The file '{file}' holds no certificate in PEM: {e.Message}", e);
        }
    }

    private void AddOwn(string certificate, string key)
    {
        if (!File.Exists(key))
            throw StrataException.NotFound($"The certificate '{certificate}' has no key beside it: '{key}' is missing.");
        try
        {
            _own.Add(X509Certificate2.CreateFromPemFile(certificate, key));
        }
        catch (CryptographicException e)
        {
            throw StrataException.InvalidArgument($"'{certificate}' and its key can't be read: {e.Message}", e);
        }
    }

    private static IEnumerable<string> Defaults()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Environment.IsPrivilegedProcess
            ? ["/etc/docker/certs.d", "/etc/containers/certs.d"]
            : [Path.Combine(home, ".config", "docker", "certs.d"), Path.Combine(home, ".config", "containers", "certs.d"), "/etc/docker/certs.d", "/etc/containers/certs.d"];
    }
}
