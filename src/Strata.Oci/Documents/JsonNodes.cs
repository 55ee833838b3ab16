using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Strata.Oci;

/// <summary>Trees of JSON that are changed and written again, members in their order.</summary>
internal static class JsonNodes
{
    private static readonly JsonSerializerOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, TypeInfoResolver = JsonNodeContext.Default };

    /// <summary>Compact text.</summary>
    internal static string Text(JsonObject root) => root.ToJsonString(_options);

    /// <summary>An array of strings.</summary>
    internal static JsonArray Array(IEnumerable<string> items) => new([.. items.Select(item => (JsonNode)JsonValue.Create(item))]);
}
