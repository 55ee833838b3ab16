using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Strata.Store;

/// <summary>Labels of snapshots: those that mean something here, what they may be, and how they are kept.</summary>
public static class SnapshotLabels
{
    /// <summary>On Prepare: the chain ID that the snapshot will have. Is such a layer here, it need not be fetched.</summary>
    public const string Target = "containerd.io/snapshot.ref";

    /// <summary>User IDs of the snapshot's owner namespace, as <c>container:host:size</c>, several by commas.</summary>
    public const string UidMapping = "containerd.io/snapshot/uidmapping";

    /// <summary>Group IDs, as <see cref="UidMapping"/>.</summary>
    public const string GidMapping = "containerd.io/snapshot/gidmapping";

    /// <summary>The most bytes that a label's key and value may have together: containerd's limit.</summary>
    public const int MaxBytes = 4096;

    internal static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>();

    /// <summary>Labels as they are kept: those without a value are none.</summary>
    /// <exception cref="StrataException">InvalidArgument: one is too long.</exception>
    internal static Dictionary<string, string> Check(IEnumerable<KeyValuePair<string, string>>? labels)
    {
        var kept = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in labels ?? [])
        {
            int bytes = Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
            if (bytes > MaxBytes)
                throw StrataException.InvalidArgument($"The label '{(key.Length > 100 ? key[..100] + "…" : key)}' has {bytes} bytes with its value; {MaxBytes} are the most.");
            if (value.Length > 0)
                kept[key] = value;
        }
        return kept;
    }

    internal static string Write(IReadOnlyDictionary<string, string> labels)
    {
        if (labels.Count == 0)
            return "";
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (key, value) in labels)
                writer.WriteString(key, value);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    internal static IReadOnlyDictionary<string, string> Read(string text)
    {
        if (text.Length == 0)
            return None;
        using var document = JsonDocument.Parse(text);
        return document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!, StringComparer.Ordinal);
    }
}
