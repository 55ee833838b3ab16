using Strata.Store.Metadata;

namespace Strata.Store;

/// <content>Named leases, which keep layers and images from being collected.</content>
public sealed partial class Store
{
    /// <summary>The lease of the layers that were made for their own sake (<c>strata apply</c>): it never ends, and removing such a layer takes it from it.</summary>
    public const string AppliedLease = "applied";

    /// <summary>All leases, those that ended and were not swept yet left out, by name.</summary>
    public IReadOnlyList<LeaseRecord> ListLeases() => _database.Read(s =>
        s.List("SELECT name, created, expires FROM leases WHERE expires IS NULL OR expires > $1 ORDER BY name", r => new LeaseRecord(
                r.GetString(0), DateTimeOffset.FromUnixTimeMilliseconds(r.GetInt64(1)), r.IsDBNull(2) ? null : DateTimeOffset.FromUnixTimeMilliseconds(r.GetInt64(2)), [], []),
            DateTimeOffset.UtcNow.ToUnixTimeMilliseconds())
        .Select(lease => lease with
        {
            Layers = [.. Items(s, lease.Name, "layer").Select(digest => new ChainId(digest))],
            Images = Items(s, lease.Name, "image"),
        }).ToArray());

    /// <summary>Makes a lease.</summary>
    /// <param name="name">1 to 128 of a-z A-Z 0-9 _ . -, the first a letter or digit; null: one is found.</param>
    /// <param name="lifetime">How long it lasts; null: until it is removed.</param>
    /// <returns>Its name.</returns>
    /// <exception cref="StrataException">AlreadyExists, InvalidArgument.</exception>
    public string CreateLease(string? name = null, TimeSpan? lifetime = null)
    {
        name ??= LayerId.New().ToString()[..12];
        if (!LayerId.TryParse(name, out _))
            throw StrataException.InvalidArgument($"'{name}' can't be a lease's name: expected 1 to 128 of a-z A-Z 0-9 _ . -, the first a letter or digit.");
        if (lifetime is { } given && given <= TimeSpan.Zero)
            throw StrataException.InvalidArgument($"A lease can't last for {given}: give a time above zero.");
        var now = Rows.Now();
        _database.Write(s =>
        {
            s.Run("DELETE FROM leases WHERE name=$1 AND expires <= $2", name, now.ToUnixTimeMilliseconds());
            return s.Run("INSERT OR IGNORE INTO leases VALUES ($1, $2, $3)", name, now.ToUnixTimeMilliseconds(), lifetime is { } l ? (now + l).ToUnixTimeMilliseconds() : null) == 1
                ? true
                : throw StrataException.AlreadyExists($"There is a lease '{name}' already. Choose another name, or end it: strata lease rm {name}");
        });
        return name;
    }

    /// <summary>Ends a lease. What was under it stays until it is collected.</summary>
    /// <exception cref="StrataException">NotFound.</exception>
    public void RemoveLease(string name)
    {
        bool there = _reserve.Using(() => _database.Write(s => s.Run("DELETE FROM leases WHERE name=$1", name))) > 0;
        if (!there)
            throw NoLease(name);
    }

    /// <summary>Puts a layer under a lease; those below it are kept with it.</summary>
    /// <exception cref="StrataException">NotFound: there is no such lease, or it ended; or no such layer.</exception>
    public void AddToLease(string name, ChainId layer) => _database.Write(s =>
    {
        if (s.Count("SELECT count(*) FROM layers WHERE chain=$1", layer.ToString()) == 0)
            throw StrataException.NotFound($"There is no layer {layer} in the store.");
        AddToLease(s, name, "layer", layer.ToString());
        return 0;
    });

    /// <summary>Puts an image and its layers under a lease.</summary>
    /// <exception cref="StrataException">NotFound: there is no such lease, or it ended; or no such image.</exception>
    public void AddToLease(string name, Digest manifest) => _database.Write(s =>
    {
        var top = s.List("SELECT top FROM images WHERE manifest=$1", r => r.IsDBNull(0) ? null : r.GetString(0), manifest.ToString());
        if (top.Count == 0)
            throw StrataException.NotFound($"There is no image {manifest} in the store.");
        AddToLease(s, name, "image", manifest.ToString());
        if (top[0] is { } chain)
            AddToLease(s, name, "layer", chain);
        return 0;
    });

    /// <summary>Says, before it is looked for, what is about to be used, so that it is not collected meanwhile.</summary>
    private void Hold(IReadOnlyList<LayerInput> baseFirst, ChainId? parent)
    {
        var chains = new List<ChainId>();
        if (parent is { } below)
            chains.Add(below);
        var chain = parent;
        foreach (var input in baseFirst)
        {
            if (input.DiffId is not { } known)
                break;
            chains.Add(ChainId.Of(chain, known));
            chain = chains[^1];
        }
        _holds.Add(chains);
    }

    private List<LayerRecord> PutUnderLease(List<LayerRecord> layers)
    {
        if (_lease is { } lease && layers.Count > 0)
            AddToLease(lease, layers[^1].ChainId);
        return layers;
    }

    private static Digest[] Items(Session s, string lease, string kind) =>
        [.. s.List("SELECT what FROM lease_items WHERE lease=$1 AND kind=$2 ORDER BY what", r => r.GetString(0), lease, kind).Select(text => Digest.TryParse(text, out var digest) ? digest : default).Where(digest => !digest.IsDefault)];

    /// <summary>Puts something under a lease, inside a transaction.</summary>
    private static void AddToLease(Session s, string lease, string kind, string what)
    {
        if (lease == AppliedLease)
            s.Run("INSERT OR IGNORE INTO leases VALUES ($1, $2, NULL)", lease, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        if (s.Count("SELECT count(*) FROM leases WHERE name=$1 AND (expires IS NULL OR expires > $2)", lease, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()) == 0)
            throw NoLease(lease);
        s.Run("INSERT OR IGNORE INTO lease_items VALUES ($1, $2, $3)", lease, kind, what);
    }

    private static int RemoveExpired(Session s) => s.Run("DELETE FROM leases WHERE expires <= $1", DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

    private static StrataException NoLease(string name) => StrataException.NotFound($"There is no lease '{name}', or it has ended. 'strata lease list' lists them; 'strata lease create {name}' makes one.");
}
