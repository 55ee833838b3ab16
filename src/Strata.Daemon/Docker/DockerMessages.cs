using System.Text.Json.Serialization;

namespace Strata.Daemon.Docker;

/// <summary>What Docker sends with every call but Init.</summary>
internal sealed class GraphRequest
{
    [JsonPropertyName("ID")]
    public string? Id { get; set; }

    public string? Parent { get; set; }

    public string? MountLabel { get; set; }

    public Dictionary<string, string>? StorageOpt { get; set; }
}

/// <summary>What Docker sends first.</summary>
internal sealed class InitRequest
{
    /// <summary>A directory that is the plugin's: below Docker's data root.</summary>
    public string? Home { get; set; }

    public List<string>? Opts { get; set; }

    [JsonPropertyName("UIDMaps")]
    public List<IdMapEntry>? UidMaps { get; set; }

    [JsonPropertyName("GIDMaps")]
    public List<IdMapEntry>? GidMaps { get; set; }
}

/// <summary>A range of IDs: by the names that the documentation has, or by those that Docker sends.</summary>
internal sealed class IdMapEntry
{
    [JsonPropertyName("ContainerID")]
    public long? ContainerDocumented { get; set; }

    [JsonPropertyName("HostID")]
    public long? HostDocumented { get; set; }

    [JsonPropertyName("Size")]
    public long? SizeDocumented { get; set; }

    [JsonPropertyName("container_id")]
    public long? ContainerSent { get; set; }

    [JsonPropertyName("host_id")]
    public long? HostSent { get; set; }

    [JsonPropertyName("size")]
    public long? SizeSent { get; set; }
}

/// <summary>What is answered: what has no value is left out.</summary>
internal sealed class GraphReply
{
    public string? Err { get; set; }

    public string? Dir { get; set; }

    public bool? Exists { get; set; }

    public List<string[]>? Status { get; set; }

    public List<ChangeReply>? Changes { get; set; }

    public long? Size { get; set; }

    public Dictionary<string, string>? Metadata { get; set; }

    public CapabilitiesReply? Capabilities { get; set; }
}

internal sealed class ChangeReply
{
    public required string Path { get; set; }

    public required int Kind { get; set; }
}

internal sealed class CapabilitiesReply
{
    public required bool ReproducesExactDiffs { get; set; }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GraphRequest))]
[JsonSerializable(typeof(InitRequest))]
[JsonSerializable(typeof(GraphReply))]
internal sealed partial class DockerJson : JsonSerializerContext;
