using System.Text.Json;

namespace Strata.Oci;

/// <summary>What of an image's config matters here (image-spec, config.md).</summary>
/// <param name="Platform">For which platform the image is; null: it does not tell one that could be.</param>
/// <param name="DiffIds">The layers' diff IDs, the base first.</param>
/// <param name="Created">When it was made, as it says; null: it does not.</param>
public sealed record ImageConfig(Platform? Platform, IReadOnlyList<DiffId> DiffIds, string? Created)
{
    /// <summary>How the image was made, step by step, the first first; empty if it does not tell.</summary>
    public IReadOnlyList<HistoryEntry> History { get; init; } = [];

    /// <summary>Reads a config.</summary>
    /// <remarks>null stands for what is not there, as Go's programs write it. Whatever else is there and known must be of its type; the rest is not looked at.</remarks>
    /// <exception cref="StrataException">InvalidArgument: it is malformed. NotSupported: a layer is named by another digest than SHA-256.</exception>
    public static ImageConfig Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        using var json = JsonDocuments.Parse(bytes, what);
        var rootfs = json.Object(json.Root, "rootfs");
        if (json.FindString(rootfs, "type") is { } type && type != "layers")
            throw json.Wrong($"its root file system is of the type '{type}', not 'layers'");
        var diffIds = new List<DiffId>();
        foreach (var element in json.ArrayOrNull(rootfs, "diff_ids"))
        {
            string? text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
            if (!Digest.TryParse(text, out var digest))
                throw json.WrongDigest(text, "it has");
            if (digest.Algorithm != "sha256")
                throw StrataException.NotSupported($"{what} names a layer's tar by {digest.Algorithm}; layers are known by sha256 only.");
            diffIds.Add(new DiffId(digest));
        }
        CheckRuntime(json);
        var platform = Platform.TryMake(json.FindString(json.Root, "os") ?? "linux", json.FindString(json.Root, "architecture"), json.FindString(json.Root, "variant"));
        return new ImageConfig(platform, diffIds, json.FindString(json.Root, "created")) { History = [.. HistoryOf(json)] };
    }

    private static IEnumerable<HistoryEntry> HistoryOf(JsonDocuments json)
    {
        if (json.Find(json.Root, "history") is null)
            yield break;
        foreach (var step in json.ArrayOrNull(json.Root, "history"))
        {
            bool empty = json.Find(step, "empty_layer") switch
            {
                null or { ValueKind: JsonValueKind.Null or JsonValueKind.False } => false,
                { ValueKind: JsonValueKind.True } => true,
                _ => throw json.Wrong("'empty_layer' is neither true nor false"),
            };
            yield return new HistoryEntry(
                json.FindString(step, "created"), json.FindString(step, "created_by"), json.FindString(step, "comment"), json.FindString(step, "author"), empty);
        }
    }

    /// <summary>What a container is started with: whoever does that must not meet something else than he expects.</summary>
    private static void CheckRuntime(JsonDocuments json)
    {
        json.FindString(json.Root, "author");
        if (json.Find(json.Root, "config") is not { ValueKind: not JsonValueKind.Null })
            return;
        var config = json.Object(json.Root, "config");
        foreach (string name in new[] { "User", "WorkingDir", "StopSignal" })
            json.FindString(config, name);
        foreach (string name in new[] { "Env", "Cmd", "Entrypoint", "OnBuild", "Shell" })
        {
            // Of a command old programs wrote one string.
            if (json.Find(config, name) is { ValueKind: not (JsonValueKind.Null or JsonValueKind.String) } || (name == "Env" && json.Find(config, name) is { ValueKind: JsonValueKind.String }))
                json.Strings(config, name);
        }
        foreach (string name in new[] { "Labels", "Volumes", "ExposedPorts" })
        {
            if (json.Find(config, name) is not { ValueKind: not JsonValueKind.Null })
                continue;
            foreach (var member in json.Object(config, name).EnumerateObject())
            {
                if (name == "Labels" && member.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Null))
                    throw json.Wrong($"the label '{member.Name}' is no string");
            }
        }
    }
}
