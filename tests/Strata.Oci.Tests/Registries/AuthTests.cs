using System.Text;
using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>Basic authentication, and where credentials come from.</summary>
public sealed class AuthTests : IClassFixture<AuthTests.Guarded>
{
    private const string Secret = "pass:word-of-me";
    private readonly Guarded _guarded;

    public AuthTests(Guarded guarded) => _guarded = guarded;

    private string Name => $"{_guarded.Registry.Host}/some/box:1";

    [Fact]
    public async Task Without_the_right_credentials_the_user_is_told_what_to_do()
    {
        using var rig = new RegistryRig();
        var e = await rig.RefusesAsync(ErrorKind.PermissionDenied, Name);
        Assert.Contains($"strata login {_guarded.Registry.Host}", e.Message, StringComparison.Ordinal);
        rig.Options = rig.Options with { Credential = RegistryCredential.Parse("me:wrong-secret") };
        e = await rig.RefusesAsync(ErrorKind.PermissionDenied, Name);
        Assert.DoesNotContain("wrong-secret", e.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-secret", rig.Options.ToString(), StringComparison.Ordinal);
        rig.Options = rig.Options with { Credential = RegistryCredential.Parse("me:" + Secret) };
        rig.AssertIs(_guarded.Image, await rig.PullAsync(Name));
    }

    [Theory]
    [InlineData("HOST")]
    [InlineData("https://HOST/v1/")]
    [InlineData("HOST/some")]
    [InlineData("HOST/some/box")]
    public async Task Credential_files_of_Docker_and_Podman_are_read(string key)
    {
        using var rig = new RegistryRig();
        Write(rig, key, "me:" + Secret, "HOST/other", "me:wrong");
        rig.AssertIs(_guarded.Image, await rig.PullAsync(Name));
    }

    [Fact]
    public async Task The_longest_part_of_a_name_that_has_credentials_counts()
    {
        using var rig = new RegistryRig();
        Write(rig, "HOST", "me:" + Secret, "HOST/some", "me:wrong");
        await rig.RefusesAsync(ErrorKind.PermissionDenied, Name);
    }

    [Theory]
    [InlineData("{\"auths\":{\"HOST\":{\"auth\":\"no base64!\"}}}")]
    [InlineData("{\"auths\":{\"HOST\":{\"auth\":\"bm9jb2xvbg==\"}}}")]
    [InlineData("{\"auths\":{\"HOST\":{\"auth\":7}}}")]
    [InlineData("{\"auths\":")]
    [InlineData("{\"credHelpers\":{\"HOST\":\"../../bin/sh\"}}")]
    public async Task Malformed_credential_files_are_told(string text)
    {
        using var rig = new RegistryRig();
        await File.WriteAllTextAsync(rig["auth.json"], text.Replace("HOST", _guarded.Registry.Host, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await rig.RefusesAsync(ErrorKind.InvalidArgument, Name);
    }

    [Theory]
    [InlineData("credHelpers")]
    [InlineData("credsStore")]
    public async Task Credential_helpers_are_asked(string how)
    {
        using var rig = new RegistryRig();
        string helper = _guarded.Helper($$"""
            read host
            [ "$1 $host" = "get {{_guarded.Registry.Host}}" ] && echo '{"ServerURL":"x","Username":"me","Secret":"{{Secret}}"}'
            """);
        UseHelper(rig, how, helper);
        rig.AssertIs(_guarded.Image, await rig.PullAsync(Name));
    }

    [Fact]
    public async Task Credential_helpers_that_know_nothing_fail_or_hang()
    {
        using var rig = new RegistryRig();
        UseHelper(rig, "credsStore", _guarded.Helper("echo credentials not found in native keychain; exit 1"));
        await rig.RefusesAsync(ErrorKind.PermissionDenied, Name);
        UseHelper(rig, "credsStore", _guarded.Helper("echo top-secret >&2; exit 3"));
        var e = await rig.RefusesAsync(ErrorKind.Unavailable, Name);
        Assert.Contains("exit code 3", e.Message, StringComparison.Ordinal);
        UseHelper(rig, "credsStore", _guarded.Helper("echo '{\"Secret\":\"top-secret'"));
        e = await rig.RefusesAsync(ErrorKind.Unavailable, Name);
        Assert.DoesNotContain("top-secret", e.ToString(), StringComparison.Ordinal);
        UseHelper(rig, "credsStore", "nobody-has-this-one");
        await rig.RefusesAsync(ErrorKind.FailedPrecondition, Name);
        rig.Options = rig.Options with { HelperTimeout = TimeSpan.FromMilliseconds(200) };
        UseHelper(rig, "credsStore", _guarded.Helper("exec sleep 1000"));
        e = await rig.RefusesAsync(ErrorKind.Unavailable, Name);
        Assert.Contains("did not answer", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_is_tried_and_kept_for_its_user_alone_and_forgotten_again()
    {
        using var rig = new RegistryRig();
        var cancellation = TestContext.Current.CancellationToken;
        rig.Options = rig.Options with { AuthFile = rig["deep/below/auth.json"] };
        var login = new RegistryLogin(rig.Options);
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => login.LoginAsync(_guarded.Registry.Host, new RegistryCredential("me", "wrong"), cancellation));
        Assert.Equal(ErrorKind.PermissionDenied, e.Kind);
        Assert.False(File.Exists(login.Path));
        await login.LoginAsync(_guarded.Registry.Host, new RegistryCredential("me", Secret), cancellation);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(login.Path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(login.Path)!));
        Assert.DoesNotContain(Secret, await File.ReadAllTextAsync(login.Path, cancellation), StringComparison.Ordinal);
        rig.AssertIs(_guarded.Image, await rig.PullAsync(Name));

        // What else the file says stays.
        string text = await File.ReadAllTextAsync(login.Path, cancellation);
        await File.WriteAllTextAsync(login.Path, text.Replace("{\n  \"auths\": {", "{\n  \"HttpHeaders\": {\"X\": \"y\"},\n  \"auths\": {\n \"other.example\": {\"auth\": \"eDp5\"},", StringComparison.Ordinal), cancellation);
        await login.LogoutAsync(_guarded.Registry.Host, cancellation);
        text = await File.ReadAllTextAsync(login.Path, cancellation);
        Assert.Contains("HttpHeaders", text, StringComparison.Ordinal);
        Assert.Contains("other.example", text, StringComparison.Ordinal);
        Assert.DoesNotContain(_guarded.Registry.Host, text, StringComparison.Ordinal);
        e = await Assert.ThrowsAnyAsync<StrataException>(() => login.LogoutAsync(_guarded.Registry.Host, cancellation));
        Assert.Equal(ErrorKind.NotFound, e.Kind);
    }

    [Fact]
    public async Task A_login_is_kept_by_the_helper_that_the_file_names()
    {
        using var rig = new RegistryRig();
        string kept = rig["kept"];
        UseHelper(rig, "credsStore", _guarded.Helper($"case $1 in store) cat > {kept};; get) cat {kept};; erase) rm {kept};; esac"));
        var login = new RegistryLogin(rig.Options);
        await login.LoginAsync(_guarded.Registry.Host, new RegistryCredential("me", Secret), TestContext.Current.CancellationToken);
        Assert.Contains(Secret, await File.ReadAllTextAsync(kept, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        rig.AssertIs(_guarded.Image, await rig.PullAsync(Name));
        await login.LogoutAsync(_guarded.Registry.Host, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(kept));
    }

    [Fact]
    public async Task Pushing_without_the_right_to_is_refused()
    {
        using var rig = new RegistryRig();
        var image = rig.Oci.Load(OciRig.Image().ToLayout()).Single();
        var e = await Assert.ThrowsAnyAsync<StrataException>(() => new ImagePusher(rig.Store, rig.Options).PushAsync(image, $"{_guarded.Registry.Host}/mine:1", null, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.PermissionDenied, e.Kind);
        rig.Options = rig.Options with { Credential = RegistryCredential.Parse("me:" + Secret) };
        var pushed = await new ImagePusher(rig.Store, rig.Options).PushAsync(image, $"{_guarded.Registry.Host}/mine:1", null, TestContext.Current.CancellationToken);
        Assert.Equal(2, pushed.Sent);
    }

    private void Write(RegistryRig rig, params string[] pairs) => File.WriteAllText(
        rig["auth.json"],
        "{\"auths\":{" + string.Join(',', pairs.Chunk(2).Select(p => $"\"{p[0].Replace("HOST", _guarded.Registry.Host, StringComparison.Ordinal)}\":{{\"auth\":\"{Convert.ToBase64String(Encoding.UTF8.GetBytes(p[1]))}\"}}")) + "}}");

    private void UseHelper(RegistryRig rig, string how, string helper) => File.WriteAllText(
        rig["auth.json"], how == "credsStore" ? $$"""{"credsStore":"{{helper}}"}""" : $$"""{"credHelpers":{"{{_guarded.Registry.Host}}":"{{helper}}"} }""");

    /// <summary>A registry behind basic authentication, and a folder of helper programs on the PATH.</summary>
    public sealed class Guarded : IDisposable
    {
        private readonly ScratchDirectory _scratch = new();
        private int _helpers;

        public Guarded()
        {
            Registry = new DebianRegistry(scratch =>
            {
                File.WriteAllText(scratch["htpasswd"], Commands.Run("htpasswd", "-nbB", "-C", "4", "me", Secret));
                return $"  htpasswd:\n    realm: test\n    path: {scratch["htpasswd"]}";
            });
            Image = RegistryRig.Image(30, layers: 2, bytes: 1000);
            using var client = new HttpClient();
            client.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("me:" + Secret)));
            DebianRegistry.Seed.Put($"http://{Registry.Host}", Image, "some/box", "1", client);
            // Added for good: other tests run beside these.
            Environment.SetEnvironmentVariable("PATH", $"{Environment.GetEnvironmentVariable("PATH")}:{_scratch.Path}");
        }

        public DebianRegistry Registry { get; }

        public TestImage Image { get; }

        /// <summary>A helper of a name of its own.</summary>
        public string Helper(string script)
        {
            string name = $"test{Environment.ProcessId}-{Interlocked.Increment(ref _helpers)}";
            string path = _scratch["docker-credential-" + name];
            File.WriteAllText(path, "#!/bin/sh\n" + script + "\n");
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
            return name;
        }

        public void Dispose()
        {
            Registry.Dispose();
            _scratch.Dispose();
        }
    }
}
