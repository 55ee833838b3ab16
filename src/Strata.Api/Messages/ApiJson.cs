using System.Text.Json;
using System.Text.Json.Serialization;

namespace Strata.Api;

/// <summary>The messages of the control API. What a request has that is not known is refused: it would be ignored silently.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(StatusReply))]
[JsonSerializable(typeof(InfoReply))]
[JsonSerializable(typeof(List<ImageReply>))]
[JsonSerializable(typeof(List<IndexReply>))]
[JsonSerializable(typeof(List<LayerReply>))]
[JsonSerializable(typeof(List<WritableReply>))]
[JsonSerializable(typeof(List<SnapshotReply>))]
[JsonSerializable(typeof(List<DockerLayerReply>))]
[JsonSerializable(typeof(List<ChangeReply>))]
[JsonSerializable(typeof(List<ItemReply>))]
[JsonSerializable(typeof(List<StepReply>))]
[JsonSerializable(typeof(MountReply))]
[JsonSerializable(typeof(RemovedReply))]
[JsonSerializable(typeof(UntaggedReply))]
[JsonSerializable(typeof(CollectReply))]
[JsonSerializable(typeof(CheckReply))]
[JsonSerializable(typeof(CreateWritableRequest))]
[JsonSerializable(typeof(MountRequestBody))]
[JsonSerializable(typeof(CommitImageRequest))]
[JsonSerializable(typeof(SaveRequest))]
[JsonSerializable(typeof(NameRequest))]
[JsonSerializable(typeof(RemoveRequest))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>For replies: a newer daemon may tell more than is known here.</summary>
    internal static ApiJson Replies { get; } = new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase });
}
