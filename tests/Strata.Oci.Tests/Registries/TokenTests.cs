using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>A registry that wants tokens, and a small server that gives them.</summary>
public sealed class TokenTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly Certificates _signer;
    private readonly FaultyProxy _tokens;
    private readonly DebianRegistry _registry;
    private readonly TestImage _image = RegistryRig.Image(40, layers: 2, bytes: 1000);
    private Func<Seen, Fault?> _answer;

    public TokenTests()
    {
        _signer = new Certificates(_scratch["signer"]);
        _answer = seen => Give(seen);
        _tokens = new FaultyProxy(0, seen => _answer(seen));
        _registry = new DebianRegistry(_ => $"  token:\n    realm: http://{_tokens.Host}/token?extra=1\n    service: the-registry\n    issuer: the-issuer\n    rootcertbundle: {_signer.CaFile}");
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", Token(["repository:box:pull,push"]));
        DebianRegistry.Seed.Put($"http://{_registry.Host}", _image, "box", "1", client);
    }

    private string Name => $"{_registry.Host}/box:1";

    [Fact]
    public async Task Tokens_are_fetched_for_nobody_and_once_for_all_requests()
    {
        using var rig = new RegistryRig();
        rig.AssertIs(_image, await rig.PullAsync(Name));
        var asked = Assert.Single(_tokens.Requests);
        Assert.False(asked.HasAuthorization);
        Assert.Contains("extra=1&service=the-registry&scope=repository%3Abox%3Apull", asked.Path, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_s_password_goes_to_the_token_server_alone()
    {
        using var rig = new RegistryRig();
        using var proxy = new FaultyProxy(_registry.Port, _ => null);
        _answer = seen => seen.Header("Authorization") == "Basic " + Convert.ToBase64String("me:secret"u8) ? Give(seen) : Refuse();
        var e = await rig.RefusesAsync(ErrorKind.PermissionDenied, $"{proxy.Host}/box:1");
        Assert.Contains("strata login", e.Message, StringComparison.Ordinal);
        rig.Options = rig.Options with { Credential = new RegistryCredential("me", "secret") };
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/box:1"));
        Assert.Contains("account=me", _tokens.Requests[^1].Path, StringComparison.Ordinal);
        Assert.All(proxy.Requests, r => Assert.StartsWith("Bearer ", r.Header("Authorization") ?? "Bearer ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_identity_token_is_exchanged()
    {
        using var rig = new RegistryRig();
        await File.WriteAllTextAsync(rig["auth.json"], $$"""{"auths":{"{{_registry.Host}}":{"auth":"{{Convert.ToBase64String("me:"u8)}}","identitytoken":"the-identity"} } }""", TestContext.Current.CancellationToken);
        _answer = seen => seen.Method == "POST" && seen.Form.Contains("refresh_token=the-identity", StringComparison.Ordinal) && seen.Form.Contains("grant_type=refresh_token", StringComparison.Ordinal)
            ? new Fault { Answer = FaultyProxy.Answer("200 OK", $$"""{"access_token":"{{Token(["repository:box:pull"])}}","expires_in":300}""") }
            : Refuse();
        rig.AssertIs(_image, await rig.PullAsync(Name));
    }

    [Fact]
    public async Task A_token_that_is_no_good_any_more_is_renewed_once()
    {
        using var rig = new RegistryRig();
        int given = 0;
        _answer = seen => given++ == 0 ? new Fault { Answer = FaultyProxy.Answer("200 OK", """{"token":"stale"}""") } : Give(seen);
        rig.AssertIs(_image, await rig.PullAsync(Name));
        Assert.Equal(2, given);

        using var other = new RegistryRig();
        _answer = _ => new Fault { Answer = FaultyProxy.Answer("200 OK", """{"token":"stale"}""") };
        await other.RefusesAsync(ErrorKind.PermissionDenied, Name);
        _answer = _ => new Fault { Answer = FaultyProxy.Answer("200 OK", """{"token":"a\r\nX-Evil: b"}""") };
        await other.RefusesAsync(ErrorKind.InvalidArgument, Name);
        _answer = _ => new Fault { Answer = FaultyProxy.Answer("200 OK", "not json") };
        await other.RefusesAsync(ErrorKind.InvalidArgument, Name);
    }

    [Fact]
    public async Task A_push_asks_for_the_right_to_and_a_mount_for_both_repositories()
    {
        using var rig = new RegistryRig();
        var cancellation = TestContext.Current.CancellationToken;
        var pulled = await rig.PullAsync(Name);
        var pushed = await new ImagePusher(rig.Store, rig.Options).PushAsync(pulled, $"{_registry.Host}/copy:1", null, cancellation);
        Assert.Equal((true, 2, 0), (pushed.KeptManifest, pushed.Mounted, pushed.Sent));
        Assert.Contains(_tokens.Requests, r => r.Path.Contains("repository%3Acopy%3Apull%2Cpush&scope=repository%3Abox%3Apull", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://tokens.example/token")]
    [InlineData("file:///token")]
    [InlineData("http://user:password@127.0.0.1/token")]
    [InlineData("")]
    public async Task A_token_server_that_is_not_as_safe_as_the_registry_gets_nothing(string realm)
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { Credential = new RegistryCredential("me", "secret") };
        using var liar = new FaultyProxy(_registry.Port, s => s.Path == "/v2/" ? null : new Fault { Answer = FaultyProxy.Answer("401 Unauthorized", "", $"WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"") });
        await rig.RefusesAsync(ErrorKind.FailedPrecondition, $"{liar.Host}/box:1");
    }

    public void Dispose()
    {
        _registry.Dispose();
        _tokens.Dispose();
        _signer.Dispose();
        _scratch.Dispose();
    }

    private static Fault Refuse() => new() { Answer = FaultyProxy.Answer("401 Unauthorized", """{"details":"incorrect username or password"}""") };

    private Fault Give(Seen seen)
    {
        string[] scopes = [.. new Uri("http://x" + seen.Path).Query.TrimStart('?').Split('&').Where(p => p.StartsWith("scope=", StringComparison.Ordinal)).Select(p => Uri.UnescapeDataString(p[6..]))];
        return new Fault { Answer = FaultyProxy.Answer("200 OK", $$"""{"token":"{{Token(scopes)}}"}""") };
    }

    /// <summary>A token as the registry verifies it (RFC 7519), its signer's certificate in its header.</summary>
    private string Token(string[] scopes)
    {
        var (certificate, key) = _signer.Authority;
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        string access = string.Join(',', scopes.Select(s => s.Split(':')).Select(s => $$"""{"type":"{{s[0]}}","name":"{{s[1]}}","actions":{{JsonSerializer.Serialize(s[2].Split(','))}}}"""));
        string text = Encode(Encoding.UTF8.GetBytes($$"""{"typ":"JWT","alg":"ES256","x5c":["{{Convert.ToBase64String(certificate.RawData)}}"]}"""))
            + "." + Encode(Encoding.UTF8.GetBytes($$"""{"iss":"the-issuer","sub":"me","aud":"the-registry","exp":{{now + 300}},"nbf":{{now - 60}},"iat":{{now}},"jti":"x","access":[{{access}}]}"""));
        return text + "." + Encode(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256));
    }

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
