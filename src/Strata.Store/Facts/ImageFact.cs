using System.Text.Json;

namespace Strata.Store;

/// <summary>All that the metadata says of an image: itself, its names with the indexes that they mean, and the indexes that list it.</summary>
internal sealed record ImageFact(ImageRecord Image, IReadOnlyList<(string Name, string? Index)> Names, IReadOnlyList<IndexRecord> Indexes)
{
    internal byte[] Write() => Fact.Write(json =>
    {
        json.WriteString("manifest", Image.Manifest.ToString());
        json.WriteString("config", Image.Config.ToString());
        json.WriteString("top", Image.TopLayer?.ToString());
        json.WriteNumber("sizeBytes", Image.SizeBytes);
        json.WriteNumber("created", Image.Created.ToUnixTimeMilliseconds());
        json.WriteString("platform", Image.Platform);
        if (Image.IsBorrowed)
            json.WriteBoolean("borrowed", true);
        json.WriteStartArray("names");
        foreach (var (name, index) in Names)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("index", index);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("indexes");
        foreach (var index in Indexes)
        {
            json.WriteStartObject();
            json.WriteString("digest", index.Digest.ToString());
            json.WriteNumber("created", index.Created.ToUnixTimeMilliseconds());
            WriteDigests(json, "documents", index.Documents);
            WriteDigests(json, "manifests", index.Manifests);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    /// <summary>Reads one; null: it is not there or damaged.</summary>
    internal static ImageFact? Find(string path) => Fact.Read(path, json =>
    {
        var names = json.GetProperty("names").EnumerateArray().Select(name => (Fact.Text(name, "name"), Fact.Find(name, "index"))).ToArray();
        var image = new ImageRecord(
            Digest.Parse(Fact.Text(json, "manifest")), Digest.Parse(Fact.Text(json, "config")), Fact.Chain(json, "top"), Fact.Number(json, "sizeBytes"), Fact.Time(json),
            [.. names.Select(name => name.Item1)]) { Platform = Fact.Find(json, "platform"), IsBorrowed = json.TryGetProperty("borrowed", out var borrowed) && borrowed.GetBoolean() };
        var indexes = json.GetProperty("indexes").EnumerateArray().Select(index => new IndexRecord(
            Digest.Parse(Fact.Text(index, "digest")), Fact.Time(index), [], ReadDigests(index, "documents"), ReadDigests(index, "manifests"))).ToArray();
        return new ImageFact(image, names, indexes);
    });

    private static void WriteDigests(Utf8JsonWriter json, string name, IReadOnlyList<Digest> digests)
    {
        json.WriteStartArray(name);
        foreach (var digest in digests)
            json.WriteStringValue(digest.ToString());
        json.WriteEndArray();
    }

    private static Digest[] ReadDigests(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(digest => Digest.Parse(digest.GetString()!))];
}
