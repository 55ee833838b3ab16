using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Strata.Daemon.Api;

internal sealed record ApiError(string Kind, string Message);

internal sealed record ErrorReply(ApiError Error);

internal sealed record StatusReply(
    string Version, string Root, string Driver, long Layers, long Images, long Writable, long Snapshots, long DockerLayers, long LayerBytes, long UsedBytes,
    IReadOnlyDictionary<string, string> DriverStatus);

internal sealed record ImageReply(string Manifest, string Id, string? TopLayer, long SizeBytes, DateTimeOffset Created, string? Platform, IReadOnlyList<string> Names);

internal sealed record LayerReply(
    string ChainId, string DiffId, string? Parent, string DriverId, long TarBytes, long ContentBytes, string BlobDigest, long BlobBytes, DateTimeOffset Created);

internal sealed record WritableReply(string Name, string? Parent, string? Image, string DriverId, string? MountPoint, DateTimeOffset Created);

internal sealed record SnapshotReply(
    string Key, string? Parent, string Kind, IReadOnlyDictionary<string, string> Labels, DateTimeOffset Created, DateTimeOffset Updated, string? Layer);

internal sealed record DockerLayerReply(string Id, string? Parent, bool Writable, string Content, string? Layer, DateTimeOffset Created);

internal sealed record ChangeEntry(string Kind, string Path);

internal sealed record MountReply(string Path);

internal sealed record UsageReply(long SizeBytes, long Inodes);

internal sealed record FindingReply(string Subject, string Problem, bool Repaired, string Advice);

internal sealed record CollectReply(
    IReadOnlyList<string> Layers, IReadOnlyList<string> Images, int Documents, int Leftovers, IReadOnlyList<string> EndedLeases, IReadOnlyList<FindingReply> Failures);

internal sealed class CreateWritableRequest
{
    public string? Name { get; set; }

    /// <summary>An image's name or manifest.</summary>
    public string? Image { get; set; }

    /// <summary>A layer's chain ID; not beside an image.</summary>
    public string? Layer { get; set; }

    public Dictionary<string, string>? StorageOptions { get; set; }

    /// <summary>True: with what container runtimes mount on, in a layer that shows in no change.</summary>
    public bool Init { get; set; }
}

internal sealed class MountRequestBody
{
    public string? Target { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(StatusReply))]
[JsonSerializable(typeof(List<ImageReply>))]
[JsonSerializable(typeof(List<LayerReply>))]
[JsonSerializable(typeof(List<WritableReply>))]
[JsonSerializable(typeof(List<SnapshotReply>))]
[JsonSerializable(typeof(List<DockerLayerReply>))]
[JsonSerializable(typeof(List<ChangeEntry>))]
[JsonSerializable(typeof(List<FindingReply>))]
[JsonSerializable(typeof(MountReply))]
[JsonSerializable(typeof(UsageReply))]
[JsonSerializable(typeof(CollectReply))]
[JsonSerializable(typeof(CreateWritableRequest))]
[JsonSerializable(typeof(MountRequestBody))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    private const int MaxRequestBytes = 1 << 20;

    internal static Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(value, type);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    /// <summary>Reads a body; an empty one is one without values.</summary>
    internal static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : new()
    {
        using var body = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int read; (read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            if (body.Length + read > MaxRequestBytes)
                throw StrataException.InvalidArgument($"A body of more than {MaxRequestBytes} bytes is none that a call takes.");
            body.Write(buffer, 0, read);
        }
        return body.Length == 0 ? new T() : JsonSerializer.Deserialize(body.GetBuffer().AsSpan(0, (int)body.Length), type) ?? new T();
    }
}
