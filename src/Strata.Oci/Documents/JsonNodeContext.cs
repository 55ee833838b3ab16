using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Strata.Oci;

/// <summary>What writing a config's tree needs to know ahead of time, so that nothing is found out by reflection.</summary>
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(string))]
internal sealed partial class JsonNodeContext : JsonSerializerContext;
