using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Strata.Oci.Registries;

/// <summary>One repository on one server: the distribution protocol's reading half. Writing is in the other part.</summary>
/// <remarks>distribution-spec 1.1. All that comes is verified against its digest before it is believed, or by whoever reads it.</remarks>
internal sealed partial class RegistryClient : IDisposable
{
    private static readonly string[] _manifestTypes =
    [
        MediaTypes.Manifest, MediaTypes.Index, "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ];

    private readonly RegistryTransport _transport;
    private readonly string _repository;

    internal RegistryClient(RegistryEndpoint endpoint, string repository, RegistryConfig config, RegistryOptions options)
    {
        Options = options;
        _repository = repository;
        _transport = new RegistryTransport(endpoint, repository, config, options);
    }

    internal RegistryOptions Options { get; }

    internal RegistryEndpoint Endpoint => _transport.Endpoint;

    /// <summary>The repository as errors show it.</summary>
    internal string Shown => $"{Endpoint.Authority}/{Endpoint.Prefix}{_repository}";

    private string[] PullScope => [$"repository:{Endpoint.Prefix}{_repository}:pull"];

    /// <summary>A manifest or index, verified.</summary>
    /// <param name="reference">A tag or a digest.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="StrataException">NotFound, PermissionDenied, Unavailable; Corrupt: it is not what its digest says; Exhausted: larger than 4 MiB.</exception>
    internal Task<(byte[] Bytes, Descriptor Descriptor)> GetManifestAsync(string reference, CancellationToken cancellationToken) => RetryPolicy.RunAsync(Options, async () =>
    {
        using var response = await _transport.TryAsync(
            e => new RegistryRequest(HttpMethod.Get, e.Uri(_repository, "manifests/" + reference), PullScope, $"get {Shown}{(reference.Contains(':', StringComparison.Ordinal) ? '@' : ':')}{reference}") { Accept = _manifestTypes },
            cancellationToken).ConfigureAwait(false);
        byte[] bytes = await ReadAsync(response, JsonDocuments.MaxBytes, $"the manifest {reference} of {Shown}", cancellationToken).ConfigureAwait(false);
        var digest = HashLike(reference, bytes);
        if (Digest.TryParse(reference, out var wanted) && wanted != digest)
            throw StrataException.Corrupt($"{Shown} gave something else than the manifest {wanted}: it is {digest}.");
        if (response.Headers.TryGetValues("Docker-Content-Digest", out var told) && Digest.TryParse(told.First(), out var claimed) && claimed != HashLike(claimed.ToString(), bytes))
            throw StrataException.Corrupt($"{Shown} says that the manifest {reference} is {claimed}, but gave {digest}: it was changed on its way, or the registry is damaged.");
        return (bytes, new Descriptor(TypeOf(response, bytes), digest, bytes.Length));
    }, cancellationToken);

    /// <summary>A small blob, whole.</summary>
    internal Task<byte[]> GetBlobAsync(Digest digest, CancellationToken cancellationToken) => RetryPolicy.RunAsync(Options, async () =>
    {
        using var response = await TryOpenBlobAsync(digest, 0, null, cancellationToken).ConfigureAwait(false);
        return await ReadAsync(response, JsonDocuments.MaxBytes, $"the blob {digest} of {Shown}", cancellationToken).ConfigureAwait(false);
    }, cancellationToken);

    /// <summary>Begins to read a blob, once. The body is not verified.</summary>
    /// <exception cref="TransientException">It may succeed later.</exception>
    internal Task<HttpResponseMessage> TryOpenBlobAsync(Digest digest, long from, EntityTagHeaderValue? ifRange, CancellationToken cancellationToken) => _transport.TryAsync(
        e => new RegistryRequest(HttpMethod.Get, e.Uri(_repository, "blobs/" + digest), PullScope, $"get the blob {digest} of {Shown}")
        {
            From = from,
            IfRange = ifRange,
            Expected = from > 0 ? [HttpStatusCode.RequestedRangeNotSatisfiable] : [],
        },
        cancellationToken);

    /// <summary>The size of a blob of a repository that we push to; null: it is not there.</summary>
    internal async Task<long?> FindBlobAsync(Digest digest, CancellationToken cancellationToken)
    {
        using var response = await _transport.SendAsync(
            e => new RegistryRequest(HttpMethod.Head, e.Uri(_repository, "blobs/" + digest), PushScope, $"look for the blob {digest} in {Shown}") { Expected = [HttpStatusCode.NotFound] },
            cancellationToken).ConfigureAwait(false);
        return response.IsSuccessStatusCode ? response.Content.Headers.ContentLength ?? -1 : null;
    }

    public void Dispose() => _transport.Dispose();

    private async Task<byte[]> ReadAsync(HttpResponseMessage response, int mostBytes, string what, CancellationToken cancellationToken)
    {
        using var watch = new StallWatch(Options.StallTimeout, cancellationToken);
        try
        {
            return await RegistryErrors.ReadAsync(response, mostBytes, what, watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransientException($"Can't get {what}: nothing came for {Options.StallTimeout.TotalSeconds:0.#} s.", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new TransientException($"Can't get {what}: the connection was cut.", e);
        }
    }

    private static Digest HashLike(string reference, byte[] bytes) => Digest.TryParse(reference, out var digest) && digest.Algorithm == "sha512"
        ? Digest.Parse("sha512:" + Convert.ToHexStringLower(SHA512.HashData(bytes)))
        : Digest.Sha256(SHA256.HashData(bytes));

    /// <summary>What the answer says that it is; where that says nothing, what the document says of itself.</summary>
    private string TypeOf(HttpResponseMessage response, byte[] bytes)
    {
        string? told = response.Content.Headers.ContentType?.MediaType;
        if (MediaTypes.IsManifest(told) || MediaTypes.IsIndex(told))
            return told!;
        if (told is not null && told.StartsWith("application/vnd.docker.distribution.manifest.v1", StringComparison.Ordinal))
            throw StrataException.NotSupported($"{Shown} has the image in Docker's first form (schema 1), which nobody should use any more. Push it again with a program of this decade.");
        using var json = JsonDocuments.Parse(bytes, $"What {Shown} gave for a manifest");
        if (json.FindString(json.Root, "mediaType") is { } type)
            return type;
        return json.Find(json.Root, "manifests") is not null ? MediaTypes.Index : MediaTypes.Manifest;
    }
}
