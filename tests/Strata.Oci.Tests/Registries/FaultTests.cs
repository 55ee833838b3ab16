using System.Globalization;
using Strata.Oci.Registries;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>A registry that cuts, stalls, corrupts, lies and points elsewhere.</summary>
public sealed class FaultTests : IClassFixture<DebianRegistry>
{
    private static readonly TestImage _image = RegistryRig.Image(10, layers: 3);
    private static readonly TestImage _small = RegistryRig.Image(11, layers: 1, bytes: 30_000);
    private readonly DebianRegistry _registry;

    public FaultTests(DebianRegistry registry)
    {
        _registry = registry;
        registry.Put(_image, "image", "1");
        registry.Put(_small, "small", "1");
    }

    private static bool IsLayer(Seen seen) => seen.Method == "GET" && _image.Blobs.Any(b => seen.Path.EndsWith(TestImage.HexOf(b), StringComparison.Ordinal));

    [Fact]
    public async Task Connections_that_are_cut_again_and_again_are_resumed_where_they_were()
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { Attempts = 3 };
        using var proxy = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { CutAfter = 70_000 } : null);
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
        var ranges = proxy.Requests.Where(IsLayer).Select(r => r.Header("Range")).ToArray();
        Assert.Equal(3, ranges.Count(r => r is null));
        Assert.True(ranges.Length is >= 15 and <= 18, string.Join(' ', ranges)); // 300 kB by 70 kB, three times
        Assert.Contains("bytes=70000-", ranges);
    }

    [Fact]
    public async Task A_registry_that_cuts_after_a_few_bytes_each_time_is_given_up()
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { Attempts = 4 };
        using var proxy = new FaultyProxy(_registry.Port, s => IsSmall(s) ? new Fault { CutAfter = 10 } : null);
        await rig.RefusesAsync(ErrorKind.Unavailable, $"{proxy.Host}/small:1");
        Assert.Equal(4, proxy.Requests.Count(IsSmall));
    }

    [Fact]
    public async Task Where_ranges_are_not_served_the_blob_is_read_again()
    {
        using var rig = new RegistryRig();
        int cuts = 0;
        using var proxy = new FaultyProxy(_registry.Port, s => IsLayer(s)
            ? new Fault { CutAfter = cuts++ < 3 ? 100_000 : null, EditRequest = head => string.Join("\r\n", head.Split("\r\n").Where(l => !l.StartsWith("Range:", StringComparison.Ordinal))) }
            : null);
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
        Assert.Equal(6, proxy.Requests.Count(IsLayer));
    }

    [Fact]
    public async Task A_stall_is_noticed_and_the_download_goes_on()
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { StallTimeout = TimeSpan.FromSeconds(1), Attempts = 30 };
        int stalls = 0;
        using var proxy = new FaultyProxy(_registry.Port, s => IsLayer(s) && stalls++ < 2 ? new Fault { StallAfter = 50_000 } : null);
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
    }

    [Fact]
    public async Task A_registry_that_stalls_for_ever_is_unavailable()
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { StallTimeout = TimeSpan.FromMilliseconds(300), Attempts = 2 };
        using var proxy = new FaultyProxy(_registry.Port, s => IsLayer(s) ? new Fault { StallAfter = 0 } : null);
        await rig.RefusesAsync(ErrorKind.Unavailable, $"{proxy.Host}/image:1");
        using var silent = new FaultyProxy(_registry.Port, s => s.Path.Contains("manifests", StringComparison.Ordinal) ? new Fault { StallAfter = 0, EditHead = _ => "" } : null);
        await rig.RefusesAsync(ErrorKind.Unavailable, $"{silent.Host}/image:1");
    }

    [Fact]
    public async Task A_layer_that_comes_a_few_bytes_at_a_time_is_waited_for()
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { StallTimeout = TimeSpan.FromMilliseconds(600), Attempts = 1 };
        using var proxy = new FaultyProxy(_registry.Port, s => IsSmall(s) ? new Fault { Drip = (600, TimeSpan.FromMilliseconds(30)) } : null);
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        rig.AssertIs(_small, await rig.PullAsync($"{proxy.Host}/small:1"));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(started) > 2 * rig.Options.StallTimeout); // the time counts from byte to byte
        Assert.Single(proxy.Requests, IsSmall);
    }

    [Fact]
    public async Task A_layer_that_stalls_for_ever_in_its_middle_is_given_up_and_gone_on_with_the_next_time()
    {
        const int There = 17_000;
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { StallTimeout = TimeSpan.FromMilliseconds(300), Attempts = 2, LeastKeptBytes = 1000 };
        using var stalls = new FaultyProxy(_registry.Port, s => IsSmall(s) ? new Fault { StallAfter = s.Header("Range") is null ? There : 0 } : null);
        var e = await rig.RefusesAsync(ErrorKind.Unavailable, $"{stalls.Host}/small:1");
        Assert.Contains($"stalled: nothing came for 0.3 s after {There} of {_small.Blobs[0].Length} bytes. Gave up after 2 attempts; try again later.", e.Message, StringComparison.Ordinal);
        Assert.Contains(TestImage.HexOf(_small.Blobs[0]), e.Message, StringComparison.Ordinal);
        using var proxy = new FaultyProxy(_registry.Port, _ => null);
        rig.AssertIs(_small, await rig.PullAsync($"{proxy.Host}/small:1"));
        Assert.Equal($"bytes={There}-", Assert.Single(proxy.Requests, IsSmall).Header("Range"));
    }

    private static bool IsSmall(Seen seen) => seen.Method == "GET" && seen.Path.EndsWith(TestImage.HexOf(_small.Blobs[0]), StringComparison.Ordinal);

    [Fact]
    public async Task A_corrupted_layer_is_refused_and_the_others_do_not_stay()
    {
        using var rig = new RegistryRig();
        using var proxy = new FaultyProxy(_registry.Port, s => s.Path.EndsWith(TestImage.HexOf(_image.Blobs[2]), StringComparison.Ordinal) ? new Fault { CorruptAt = 200_000 } : null);
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{proxy.Host}/image:1");
    }

    [Fact]
    public async Task A_corrupted_manifest_or_config_is_refused()
    {
        using var rig = new RegistryRig();
        using var manifest = new FaultyProxy(_registry.Port, s => s.Path.Contains("manifests", StringComparison.Ordinal) ? new Fault { CorruptAt = 200 } : null);
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{manifest.Host}/image:1");
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{manifest.Host}/image@sha256:{TestImage.HexOf(_image.Manifest)}");
        using var config = new FaultyProxy(_registry.Port, s => s.Path.EndsWith(_image.Id, StringComparison.Ordinal) ? new Fault { CorruptAt = 100 } : null);
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{config.Host}/image:1");
    }

    [Fact]
    public async Task A_registry_that_lies_about_a_digest_or_a_length_is_refused()
    {
        using var rig = new RegistryRig();
        string other = new('a', 64);
        using var digest = new FaultyProxy(_registry.Port, s => s.Path.Contains("manifests", StringComparison.Ordinal)
            ? new Fault { EditHead = head => head.Replace(TestImage.HexOf(_image.Manifest), other, StringComparison.Ordinal) } : null);
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{digest.Host}/image:1");
        int size = _image.Blobs[0].Length;
        foreach (int claimed in new[] { size - 1000, size + 1000 })
        {
            using var length = new FaultyProxy(_registry.Port, s => s.Path.EndsWith(TestImage.HexOf(_image.Blobs[0]), StringComparison.Ordinal)
                ? new Fault { EditHead = head => head.Replace($"Content-Length: {size}", $"Content-Length: {claimed}", StringComparison.Ordinal) } : null);
            await rig.RefusesAsync(ErrorKind.Corrupt, $"{length.Host}/image:1");
        }
        // Without a length, more than the manifest says.
        using var more = new FaultyProxy(_registry.Port, s => s.Path.EndsWith(TestImage.HexOf(_image.Blobs[0]), StringComparison.Ordinal)
            ? new Fault { Answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + new string('x', size + 1) } : null);
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{more.Host}/image:1");
        // Another range than the one that was asked for.
        int cuts = 0;
        using var range = new FaultyProxy(_registry.Port, s => !IsLayer(s) ? null : s.Header("Range") is null
            ? new Fault { CutAfter = cuts++ == 0 ? 1000 : null } : new Fault { EditHead = head => head.Replace("Content-Range: bytes 1000-", "Content-Range: bytes 1001-", StringComparison.Ordinal) });
        await rig.RefusesAsync(ErrorKind.Corrupt, $"{range.Host}/image:1");
    }

    [Fact]
    public async Task A_manifest_of_more_than_4_MiB_is_refused()
    {
        using var rig = new RegistryRig();
        string large = $$"""{"schemaVersion":2,"x":"{{new string('x', 4 << 20)}}"}""";
        using var told = new FaultyProxy(_registry.Port, s => s.Path.Contains("manifests", StringComparison.Ordinal) ? new Fault { Answer = FaultyProxy.Answer("200 OK", large) } : null);
        await rig.RefusesAsync(ErrorKind.Exhausted, $"{told.Host}/image:1");
        using var untold = new FaultyProxy(_registry.Port, s => s.Path.Contains("manifests", StringComparison.Ordinal)
            ? new Fault { Answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + large } : null);
        await rig.RefusesAsync(ErrorKind.Exhausted, $"{untold.Host}/image:1");
    }

    [Fact]
    public async Task Busy_registries_are_asked_again_and_obeyed()
    {
        using var rig = new RegistryRig();
        int calls = 0;
        using var busy = new FaultyProxy(_registry.Port, s => s.Path == "/v2/" ? null : calls++ switch
        {
            0 => new Fault { Answer = FaultyProxy.Answer("503 Service Unavailable") },
            1 => new Fault { Answer = FaultyProxy.Answer("429 Too Many Requests", "", "Retry-After: 1") },
            2 => new Fault { CutAfter = 0, EditHead = _ => "" },
            _ => null,
        });
        var started = DateTime.UtcNow;
        rig.AssertIs(_image, await rig.PullAsync($"{busy.Host}/image:1"));
        Assert.True(DateTime.UtcNow - started > TimeSpan.FromSeconds(0.9));

        using var other = new RegistryRig();
        using var hour = new FaultyProxy(_registry.Port, s => s.Path == "/v2/" ? null : new Fault { Answer = FaultyProxy.Answer("429 Too Many Requests", "", "Retry-After: 3600") });
        var e = await other.RefusesAsync(ErrorKind.Unavailable, $"{hour.Host}/image:1");
        Assert.Contains("3600 s", e.Message, StringComparison.Ordinal);
        using var broken = new FaultyProxy(_registry.Port, s => s.Path == "/v2/" ? null : new Fault { Answer = FaultyProxy.Answer("500 Oh", """{"errors":[{"code":"UNKNOWN","message":"disk \u001b[31m on fire"}]}""") });
        e = await other.RefusesAsync(ErrorKind.Unavailable, $"{broken.Host}/image:1");
        Assert.Contains("UNKNOWN: disk  [31m on fire", e.Message, StringComparison.Ordinal);
        Assert.Equal(other.Options.Attempts, broken.Requests.Count(r => r.Path != "/v2/"));
    }

    [Fact]
    public async Task Blobs_elsewhere_are_fetched_from_there_without_credentials()
    {
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { Credential = new RegistryCredential("me", "very-secret") };
        using var storage = new FaultyProxy(_registry.Port, _ => null);
        using var proxy = new FaultyProxy(_registry.Port, s => !s.HasAuthorization
            ? new Fault { Answer = FaultyProxy.Answer("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"r\"") }
            : IsLayer(s) ? new Fault { Answer = FaultyProxy.Answer("307 Temporary Redirect", "", $"Location: http://{storage.Host}{s.Path}") }
            : new Fault { EditRequest = head => string.Join("\r\n", head.Split("\r\n").Where(l => !l.StartsWith("Authorization:", StringComparison.Ordinal))) });
        rig.AssertIs(_image, await rig.PullAsync($"{proxy.Host}/image:1"));
        Assert.Equal(3, storage.Requests.Length);
        Assert.DoesNotContain(storage.Requests, r => r.HasAuthorization);
    }

    [Fact]
    public async Task A_place_elsewhere_that_wants_credentials_gets_none()
    {
        // CVE-2020-15157: the storage asks for credentials, and would like the registry's.
        using var rig = new RegistryRig();
        rig.Options = rig.Options with { Credential = new RegistryCredential("me", "very-secret") };
        using var thief = new FaultyProxy(_registry.Port, _ => new Fault { Answer = FaultyProxy.Answer("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"give\"") });
        using var proxy = new FaultyProxy(_registry.Port, s => !s.HasAuthorization
            ? new Fault { Answer = FaultyProxy.Answer("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"r\"") }
            : new Fault { Answer = FaultyProxy.Answer("302 Found", "", $"Location: http://{thief.Host}/v2/image/manifests/1") });
        var e = await rig.RefusesAsync(ErrorKind.PermissionDenied, $"{proxy.Host}/image:1");
        Assert.DoesNotContain("very-secret", e.ToString(), StringComparison.Ordinal);
        Assert.NotEmpty(thief.Requests);
        Assert.DoesNotContain(thief.Requests, r => r.HasAuthorization);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://user:password@127.0.0.1/x")]
    [InlineData("ftp://example.com/x")]
    [InlineData("")]
    public async Task Strange_places_are_not_gone_to(string place)
    {
        using var rig = new RegistryRig();
        using var proxy = new FaultyProxy(_registry.Port, s => s.Path == "/v2/" ? null : new Fault { Answer = FaultyProxy.Answer("302 Found", "", place.Length == 0 ? "X: y" : $"Location: {place}") });
        await rig.RefusesAsync(ErrorKind.FailedPrecondition, $"{proxy.Host}/image:1");
    }

    [Fact]
    public async Task Redirects_in_a_circle_end()
    {
        using var rig = new RegistryRig();
        using var proxy = new FaultyProxy(_registry.Port, s => s.Path == "/v2/" ? null : new Fault { Answer = FaultyProxy.Answer("302 Found", "", $"Location: {s.Path}") });
        await rig.RefusesAsync(ErrorKind.FailedPrecondition, $"{proxy.Host}/image:1");
        Assert.True(proxy.Requests.Length < 10, proxy.Requests.Length.ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_pull_can_be_ended_while_it_waits()
    {
        using var rig = new RegistryRig();
        using var ending = new CancellationTokenSource();
        using var proxy = new FaultyProxy(_registry.Port, s =>
        {
            if (!IsLayer(s))
                return null;
            ending.CancelAfter(50);
            return new Fault { StallAfter = 100_000 };
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ImagePuller(rig.Store, rig.Options).PullAsync($"{proxy.Host}/image:1", null, ending.Token));
        rig.Oci.AssertEmpty();
    }
}
