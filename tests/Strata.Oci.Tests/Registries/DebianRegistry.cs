using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Strata.Testing;

namespace Strata.Oci.Tests.Registries;

/// <summary>Debian's docker-registry on a free port of loopback, its storage in a temporary folder; stopped by its process.</summary>
public sealed partial class DebianRegistry : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One that lets everybody do everything.</summary>
    public DebianRegistry()
        : this(null)
    {
    }

    /// <param name="auth">The part "auth:" of its configuration, indented by two; or null.</param>
    /// <param name="tls">A certificate and its key; or null.</param>
    internal DebianRegistry(Func<ScratchDirectory, string>? auth, (string Certificate, string Key)? tls = null)
    {
        File.WriteAllText(_scratch["config.yml"], $"""
            version: 0.1
            log:
              level: info
            storage:
              filesystem:
                rootdirectory: {_scratch.Make("data")}
              delete:
                enabled: true
            http:
              addr: 127.0.0.1:0
            {(tls is { } t ? $"  tls:\n    certificate: {t.Certificate}\n    key: {t.Key}" : "")}
            {(auth is null ? "" : "auth:\n" + auth(_scratch))}
            """);
        var info = new ProcessStartInfo("docker-registry", ["serve", _scratch["config.yml"]]) { RedirectStandardError = true, RedirectStandardOutput = true };
        info.Environment["OTEL_TRACES_EXPORTER"] = "none";
        _process = Process.Start(info) ?? throw new InvalidOperationException("docker-registry did not start");
        _process.ErrorDataReceived += (_, line) => Look(line.Data);
        _process.OutputDataReceived += (_, line) => Look(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) => _port.TrySetException(new InvalidOperationException($"docker-registry ended: {Log}"));
        Port = _port.Task.WaitAsync(TimeSpan.FromMinutes(1)).GetAwaiter().GetResult();
    }

    public int Port { get; }

    public string Host => $"127.0.0.1:{Port}";

    /// <summary>What it said so far.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Puts an image in, by a client of the tests' own.</summary>
    public void Put(TestImage image, string repository, string tag) => Seed.Put($"http://{Host}", image, repository, tag);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _scratch.Dispose();
    }

    private void Look(string? line)
    {
        lock (_log)
            _log.Append(line).Append('\n');
        if (line is not null && Listening().Match(line) is { Success: true } match)
            _port.TrySetResult(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"listening on 127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();

    /// <summary>A minimal client, independent of the code under test.</summary>
    internal static class Seed
    {
        internal static void Put(string registry, TestImage image, string repository, string tag, HttpClient? client = null)
        {
            using var own = client is null ? new HttpClient() : null;
            client ??= own!;
            foreach (byte[] blob in image.Blobs.Append(image.Config).DistinctBy(TestImage.HexOf))
                Blob(client, registry, repository, blob);
            Manifest(client, registry, repository, tag, image.Manifest, MediaTypes.Manifest);
        }

        internal static void Blob(HttpClient client, string registry, string repository, byte[] blob)
        {
            using var start = client.Send(new HttpRequestMessage(HttpMethod.Post, $"{registry}/v2/{repository}/blobs/uploads/"));
            start.EnsureSuccessStatusCode();
            string place = start.Headers.Location!.ToString();
            using var put = client.Send(new HttpRequestMessage(HttpMethod.Put, $"{place}{(place.Contains('?', StringComparison.Ordinal) ? '&' : '?')}digest=sha256:{TestImage.HexOf(blob)}") { Content = new ByteArrayContent(blob) });
            put.EnsureSuccessStatusCode();
        }

        internal static void Manifest(HttpClient client, string registry, string repository, string tag, byte[] manifest, string type)
        {
            using var content = new ByteArrayContent(manifest);
            content.Headers.ContentType = new MediaTypeHeaderValue(type);
            using var put = client.Send(new HttpRequestMessage(HttpMethod.Put, $"{registry}/v2/{repository}/manifests/{tag}") { Content = content });
            put.EnsureSuccessStatusCode();
        }
    }
}
