using System.Net;
using System.Net.Http.Headers;
using Strata.Formats.Compression;

namespace Strata.Oci.Registries;

/// <content>The writing half of the distribution protocol.</content>
internal sealed partial class RegistryClient
{
    /// <summary>How many times longer than other answers the end of an upload may take: some registries copy the blob then.</summary>
    private const int CommitPatience = 10;

    private string[] PushScope => [$"repository:{Endpoint.Prefix}{_repository}:pull,push"];

    /// <summary>Asks the registry to take a blob over from another of its repositories.</summary>
    /// <returns>False: it did not; the blob must be sent.</returns>
    internal async Task<bool> MountAsync(Digest digest, string fromRepository, CancellationToken cancellationToken)
    {
        string from = Endpoint.Prefix + fromRepository;
        Uri? place = null;
        try
        {
            using var response = await _transport.SendAsync(
                e => new RegistryRequest(
                    HttpMethod.Post, place = e.Uri(_repository, $"blobs/uploads/?mount={digest}&from={Uri.EscapeDataString(from)}"), [.. PushScope, $"repository:{from}:pull"], $"mount the blob {digest} in {Shown}"),
                cancellationToken).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.Created)
                return true;
            if (response.StatusCode == HttpStatusCode.Accepted)
                await CancelUploadAsync(place!, response, cancellationToken).ConfigureAwait(false);
            return false;
        }
        catch (StrataException e) when (e.Kind is ErrorKind.PermissionDenied or ErrorKind.NotFound or ErrorKind.NotSupported or ErrorKind.InvalidArgument)
        {
            return false; // it knows no mounting, or does not let us read there: the blob is sent, and says so if we may not write either
        }
    }

    /// <summary>Sends a small blob whole.</summary>
    internal Task UploadAsync(Digest digest, byte[] bytes, CancellationToken cancellationToken) => RetryPolicy.RunAsync(Options, async () =>
    {
        var place = await StartUploadAsync(cancellationToken).ConfigureAwait(false);
        using var response = await _transport.TryAsync(
            _ => new RegistryRequest(HttpMethod.Put, WithDigest(place, digest), PushScope, $"send the blob {digest} to {Shown}")
            {
                Content = _ => Binary(new ByteArrayContent(bytes)),
                Patience = CommitPatience,
            },
            cancellationToken).ConfigureAwait(false);
        return 0;
    }, cancellationToken);

    /// <summary>Sends a blob while it is produced: its digest is known at its end. Tried again from its beginning.</summary>
    /// <param name="write">Produces the same bytes at each call; may throw.</param>
    /// <param name="what">What it is, for errors.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>The blob.</returns>
    internal Task<(Digest Digest, long Bytes)> UploadAsync(Action<Stream, CancellationToken> write, string what, CancellationToken cancellationToken) => RetryPolicy.RunAsync(Options, async () =>
    {
        var place = await StartUploadAsync(cancellationToken).ConfigureAwait(false);
        var digest = default(Digest);
        long bytes = 0;
        Uri next;
        using (var sent = await _transport.TryAsync(
            _ => new RegistryRequest(HttpMethod.Patch, place, PushScope, $"send {what} to {Shown}")
            {
                Patience = CommitPatience,
                Content = watch => Binary(new UploadContent(
                    (stream, cancellation) =>
                    {
                        using var hashing = new HashingStream(stream, leaveOpen: true);
                        write(hashing, cancellation);
                        (digest, bytes) = (hashing.Digest, hashing.CountBytes);
                    },
                    watch)),
            },
            cancellationToken).ConfigureAwait(false))
        {
            next = _transport.RequireSafe(place, sent.Headers.Location ?? place, $"send {what} to {Shown}");
        }
        using var done = await _transport.TryAsync(
            _ => new RegistryRequest(HttpMethod.Put, WithDigest(next, digest), PushScope, $"finish sending {what} to {Shown}") { Patience = CommitPatience, Content = _ => Binary(new ByteArrayContent([])) },
            cancellationToken).ConfigureAwait(false);
        return (digest, bytes);
    }, cancellationToken);

    /// <summary>Stores a manifest.</summary>
    /// <exception cref="StrataException">Corrupt: the registry took it for another one.</exception>
    internal async Task PutManifestAsync(string reference, byte[] bytes, Descriptor descriptor, CancellationToken cancellationToken)
    {
        using var response = await _transport.SendAsync(
            e => new RegistryRequest(HttpMethod.Put, e.Uri(_repository, "manifests/" + reference), PushScope, $"store the manifest {Shown}:{reference}")
            {
                Content = _ => new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue(descriptor.MediaType) } },
                Patience = CommitPatience,
            },
            cancellationToken).ConfigureAwait(false);
        if (response.Headers.TryGetValues("Docker-Content-Digest", out var told) && told.First() is var claimed && claimed != descriptor.Digest.ToString() && claimed.StartsWith("sha256:", StringComparison.Ordinal))
            throw StrataException.Corrupt($"{Shown} stored another manifest than it was sent: {RegistryErrors.Shown(claimed)}, not {descriptor.Digest}.");
    }

    /// <summary>Whether the registry lets us in at all.</summary>
    internal async Task PingAsync(CancellationToken cancellationToken)
    {
        using var response = await _transport.SendAsync(e => new RegistryRequest(HttpMethod.Get, e.Base, [], $"log in to {e.Authority}"), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The first bytes of a blob; fewer if it is shorter.</summary>
    internal Task<byte[]> PeekAsync(Digest digest, int count, CancellationToken cancellationToken) => RetryPolicy.RunAsync(Options, async () =>
    {
        using var response = await TryOpenBlobAsync(digest, 0, null, cancellationToken).ConfigureAwait(false);
        using var watch = new StallWatch(Options.StallTimeout, cancellationToken);
        byte[] bytes = new byte[count];
        try
        {
            var body = await response.Content.ReadAsStreamAsync(watch.Token).ConfigureAwait(false);
            await using var closing = body.ConfigureAwait(false);
            int read = await body.ReadAtLeastAsync(bytes, count, throwOnEndOfStream: false, watch.Token).ConfigureAwait(false);
            return bytes[..read];
        }
        catch (Exception e) when (e is IOException or HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new TransientException($"Can't read the blob {digest} of {Shown}: {e.Message}", e);
        }
    }, cancellationToken);

    private async Task<Uri> StartUploadAsync(CancellationToken cancellationToken)
    {
        Uri? asked = null;
        string what = $"begin to send a blob to {Shown}";
        using var response = await _transport.TryAsync(
            e => new RegistryRequest(HttpMethod.Post, asked = e.Uri(_repository, "blobs/uploads/"), PushScope, what) { Content = _ => Binary(new ByteArrayContent([])) },
            cancellationToken).ConfigureAwait(false);
        return _transport.RequireSafe(asked!, response.Headers.Location, what);
    }

    /// <summary>The registry began an upload in place of a mount: it may forget it. That it does not is its own affair.</summary>
    private async Task CancelUploadAsync(Uri asked, HttpResponseMessage began, CancellationToken cancellationToken)
    {
        if (began.Headers.Location is not { } location)
            return;
        var place = _transport.RequireSafe(asked, location, $"mount a blob in {Shown}");
        try
        {
            using var response = await _transport.TryAsync(_ => new RegistryRequest(HttpMethod.Delete, place, PushScope, $"cancel an upload to {Shown}"), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StrataException or TransientException)
        {
            return; // it ends by itself there
        }
    }

    private static HttpContent Binary(HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return content;
    }

    private static Uri WithDigest(Uri place, Digest digest)
    {
        var builder = new UriBuilder(place);
        builder.Query = $"{(builder.Query.Length > 1 ? builder.Query[1..] + "&" : "")}digest={digest}";
        return builder.Uri;
    }
}
