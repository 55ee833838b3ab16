using System.Security.Cryptography;
using System.Text;

namespace Strata.Store;

/// <summary>What the metadata says of a layer that its owner names, in a file of its own (<see cref="Fact"/>).</summary>
/// <remarks>
/// An applied one's holds data, and is written before the sync that applying needs anyway. One that is written to, as each container's, is the file of
/// its lease, renamed: <c>DRIVERID.PARENT.ID</c>, without data, but for a mapping of owners. Of the parent only a hash is in the name: two IDs of the
/// most bytes would not fit.
/// </remarks>
/// <param name="Layer">The layer; its parent is null where only a hash of it is known.</param>
/// <param name="ParentHash">What tells the parent, or null: none.</param>
internal sealed record GraphFact(GraphLayer Layer, string? ParentHash)
{
    private const int HashDigits = 16;
    private const string None = "-";

    internal static byte[] Of(GraphLayer applied) => Fact.Write(json =>
    {
        json.WriteString("id", applied.Id);
        json.WriteString("parent", applied.Parent);
        json.WriteString("chain", applied.Layer?.ToString());
        json.WriteString("driverId", applied.DriverId.ToString());
        json.WriteString("diff", applied.DiffId?.ToString());
        json.WriteString("owners", applied.IdMapping?.ToString());
        json.WriteNumber("created", applied.Created.ToUnixTimeMilliseconds());
    });

    /// <summary>Reads an applied layer's; null: it is not there or damaged.</summary>
    internal static GraphFact? FindApplied(string path) => Fact.Read(path, json =>
    {
        var layer = new GraphLayer(LayerId.Parse(Fact.Text(json, "id")).ToString(), Fact.Find(json, "parent"), Writable: false, GraphContent.Applied, Fact.Chain(json, "chain"), Fact.Time(json))
        {
            DriverId = LayerId.Parse(Fact.Text(json, "driverId")),
            DiffId = Fact.Find(json, "diff") is { } diff ? new DiffId(Digest.Parse(diff)) : null,
            IdMapping = Fact.Find(json, "owners") is { } owners ? IdMapping.Parse(owners) : null,
        };
        return new GraphFact(layer, HashOf(layer.Parent));
    });

    /// <summary>The name of the file of a layer that is written to.</summary>
    internal static string NameOf(GraphLayer writable) => $"{writable.DriverId}.{HashOf(writable.Parent) ?? None}.{writable.Id}";

    /// <summary>Reads the file of a layer that is written to; null: its name or what it holds is damaged.</summary>
    internal static GraphFact? FindWritable(string path)
    {
        if (ReadName(Path.GetFileName(path)) is not var (driverId, hash, id))
            return null;
        try
        {
            string owners = File.ReadAllText(path);
            var created = DateTimeOffset.FromUnixTimeMilliseconds(new DateTimeOffset(File.GetLastWriteTimeUtc(path)).ToUnixTimeMilliseconds());
            var layer = new GraphLayer(id, null, Writable: true, GraphContent.None, null, created) { DriverId = driverId, IdMapping = owners.Length > 0 ? IdMapping.Parse(owners) : null };
            return new GraphFact(layer, hash);
        }
        catch (Exception e) when (e is StrataException || Trees.FileErrors.Is(e))
        {
            return null;
        }
    }

    /// <summary>What the name of such a file says; null: it is none.</summary>
    internal static (LayerId DriverId, string? ParentHash, string Id)? ReadName(string name)
    {
        string[] parts = name.Split('.', 3);
        return parts.Length == 3 && LayerId.TryParse(parts[0], out var driverId) && LayerId.TryParse(parts[2], out _)
            && (parts[1] == None || (parts[1].Length == HashDigits && parts[1].All(char.IsAsciiHexDigitLower)))
            ? (driverId, parts[1] == None ? null : parts[1], parts[2])
            : null;
    }

    /// <summary>What tells a parent.</summary>
    internal static string? HashOf(string? id) => id is null ? null : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(id)))[..HashDigits];
}
