using System.Buffers;
using System.Text.Json;

namespace Strata.Store;

/// <summary>
/// What the metadata says of a layer, a writable layer or an image, once more in a file of its own, so that all metadata can be made again from what
/// lies on disk (docs/design/disk-layout.md).
/// </summary>
/// <remarks>
/// A layer's is written before the layers are synced and before the transaction that names them, so it is durable when they are named and costs no
/// sync of its own. Those of writable layers and images are written without a sync: the metadata is the truth, and they follow it. A writable
/// layer's has only a name and no data, and is the file of its lease, renamed: data would have to be written out at the next unmount of an overlay,
/// which syncs its file system.
/// </remarks>
internal static class Fact
{
    private const int BeginDigits = 16;
    private const string None = "-";
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static byte[] Of(LayerRecord layer) => Write(json =>
    {
        json.WriteString("chain", layer.ChainId.ToString());
        json.WriteString("diff", layer.DiffId.ToString());
        json.WriteString("parent", layer.Parent?.ToString());
        json.WriteString("driverId", layer.DriverId.ToString());
        json.WriteNumber("tarBytes", layer.TarBytes);
        json.WriteNumber("contentBytes", layer.ContentBytes);
        json.WriteString("blob", layer.BlobDigest.ToString());
        json.WriteNumber("blobBytes", layer.BlobBytes);
        json.WriteNumber("created", layer.Created.ToUnixTimeMilliseconds());
        if (layer.SharedFrom is { } shared)
            json.WriteString("shared", shared);
    });

    /// <summary>The name of a writable layer's file, which is empty: <c>ID.PARENT.IMAGE.INIT.NAME</c>, of what is not its own as many digits as tell them apart.</summary>
    internal static string NameOf(WritableRecord layer) =>
        $"{layer.DriverId}.{Begin(layer.Parent?.Digest.Hex)}.{Begin(layer.Image?.Hex)}.{Begin(layer.InitId?.ToString())}.{layer.Name}";

    /// <summary>What the name of a writable layer's file says; null: nothing that can be believed.</summary>
    internal static (LayerId DriverId, string? Parent, string? Image, string? Init, string Name)? ReadName(string name)
    {
        string[] parts = name.Split('.', 5);
        return parts.Length == 5 && LayerId.TryParse(parts[0], out var id) && parts[1..4].All(IsBegin) && LayerId.TryParse(parts[4], out _)
            ? (id, Given(parts[1]), Given(parts[2]), Given(parts[3]), parts[4])
            : null;
    }

    internal static LayerRecord? FindLayer(string path) => Read(path, json =>
    {
        var record = new LayerRecord(
            new ChainId(Digest.Parse(Text(json, "chain"))), new DiffId(Digest.Parse(Text(json, "diff"))), Chain(json, "parent"), LayerId.Parse(Text(json, "driverId")),
            Number(json, "tarBytes"), Number(json, "contentBytes"), Digest.Parse(Text(json, "blob")), Number(json, "blobBytes"), Time(json))
        {
            SharedFrom = json.TryGetProperty("shared", out var shared) ? shared.GetString() : null,
        };
        // A chain ID is what it is made of: a file that says otherwise is damaged.
        return ChainId.Of(record.Parent, record.DiffId) == record.ChainId ? record : null;
    });

    /// <summary>As many digits of an ID as stand in names.</summary>
    internal static string BeginOf(string hex) => hex[..Math.Min(BeginDigits, hex.Length)];

    private static string Begin(string? hex) => hex is null ? None : BeginOf(hex);

    private static string? Given(string text) => text == None ? null : text;

    private static bool IsBegin(string text) => text == None || (text.Length == BeginDigits && text.All(char.IsAsciiHexDigitLower));

    internal static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return [.. bytes.WrittenSpan, (byte)'\n'];
    }

    /// <summary>Null: it is not there, or damaged, which comes to the same: it can't be believed.</summary>
    internal static T? Read<T>(string path, Func<JsonElement, T?> read)
        where T : class
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or StrataException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    internal static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? throw new FormatException(name);

    internal static string? Find(JsonElement json, string name) => json.GetProperty(name).GetString();

    internal static long Number(JsonElement json, string name) => json.GetProperty(name).GetInt64();

    internal static ChainId? Chain(JsonElement json, string name) => Find(json, name) is { } text ? new ChainId(Digest.Parse(text)) : null;

    internal static DateTimeOffset Time(JsonElement json) => DateTimeOffset.FromUnixTimeMilliseconds(Number(json, "created"));
}
