using System.Net;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

public sealed class TlsTests
{
    [Fact]
    public async Task Certificates_are_verified_against_what_the_user_trusts()
    {
        using var scratch = new ScratchDirectory();
        using var authority = new Certificates(scratch["ca"]);
        using var registry = new DebianRegistry(null, authority.Sign("server", IPAddress.Loopback));
        var image = RegistryRig.Image(20, layers: 2, bytes: 1000);
        using (var trusting = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true })
        using (var client = new HttpClient(trusting))
            DebianRegistry.Seed.Put($"https://{registry.Host}", image, "safe", "1", client);
        string name = $"{registry.Host}/safe:1";

        using var rig = new RegistryRig();
        var plain = rig.Options;
        // It showed a certificate, so it is never spoken to without TLS, loopback or not.
        var e = await rig.RefusesAsync(ErrorKind.FailedPrecondition, name);
        Assert.Contains("--ca", e.Message, StringComparison.Ordinal);
        using (var other = new Certificates(scratch["other"]))
        {
            rig.Options = plain with { CaFile = other.CaFile };
            await rig.RefusesAsync(ErrorKind.FailedPrecondition, name);
        }
        rig.Options = plain with { CaFile = scratch["missing"] };
        await rig.RefusesAsync(ErrorKind.NotFound, name);

        rig.Options = plain with { CaFile = authority.CaFile };
        rig.AssertIs(image, await rig.PullAsync(name));
        rig.Options = plain with { VerifyTls = false };
        rig.AssertIs(image, await rig.PullAsync(name));
        rig.Options = plain;
        string folder = Directory.CreateDirectory(Path.Combine(rig["certs.d"], registry.Host)).FullName;
        File.Copy(authority.CaFile, Path.Combine(folder, "ca.crt"));
        rig.AssertIs(image, await rig.PullAsync(name));
        Directory.Delete(folder, recursive: true);
        rig.Configure($$"""{"registries":{"{{registry.Host}}":{"ca":"{{authority.CaFile}}"} } }""");
        rig.AssertIs(image, await rig.PullAsync(name));
        rig.Configure($$"""{"registries":{"{{registry.Host}}":{"insecure":true} } }""");
        rig.AssertIs(image, await rig.PullAsync(name));
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_refused()
    {
        using var scratch = new ScratchDirectory();
        using var authority = new Certificates(scratch["ca"]);
        using var registry = new DebianRegistry(null, authority.Sign("elsewhere", IPAddress.Parse("192.0.2.1")));
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { CaFile = authority.CaFile };
        await rig.RefusesAsync(ErrorKind.FailedPrecondition, $"{registry.Host}/safe:1");
    }

    [Fact]
    public async Task A_client_s_certificate_is_shown()
    {
        using var scratch = new ScratchDirectory();
        using var authority = new Certificates(scratch["ca"]);
        var (certificate, key) = authority.Sign("server", IPAddress.Loopback);
        using var registry = new DebianRegistry(null, (certificate, key + $"\n    clientcas: [{authority.CaFile}]"));
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { CaFile = authority.CaFile, Attempts = 2 };
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => rig.PullAsync($"{registry.Host}/nothing:1"));
        Assert.NotEqual(ErrorKind.NotFound, e.Kind);
        string folder = Directory.CreateDirectory(Path.Combine(rig["certs.d"], registry.Host)).FullName;
        var (own, ownKey) = authority.Sign("client", null);
        File.Copy(own, Path.Combine(folder, "client.cert"));
        File.Copy(ownKey, Path.Combine(folder, "client.key"));
        // It lets us in, and has no such image.
        await rig.RefusesAsync(ErrorKind.NotFound, $"{registry.Host}/nothing:1");
    }
}
