using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Strata.Store.Tests;

/// <summary>
/// Fills a store's metadata with 100,000 layers and 10,000 images: 500 bases of five layers, and on them images of nine or ten more. The driver has
/// none of these layers: what is measured is how the store finds its way, and nothing of it may need to look at each layer.
/// </summary>
internal static class BigStore
{
    internal const int Layers = 100_000;
    internal const int Images = 10_000;
    private const int Bases = 500, BaseDepth = 5, Deep = 7_500;

    /// <summary>The name of an image.</summary>
    internal static string NameOf(int image) => string.Create(CultureInfo.InvariantCulture, $"localhost/app{image}:1");

    /// <summary>How many layers an image has to itself.</summary>
    internal static int OwnOf(int image) => image < Deep ? 10 : 9;

    /// <summary>How many layers an image has.</summary>
    internal static int DepthOf(int image) => BaseDepth + OwnOf(image);

    /// <summary>The chain ID of a layer, by the order in which it came.</summary>
    internal static string ChainOf(int layer) => DigestOf("chain", layer);

    /// <summary>Writes all of it into a store that was opened before, and is closed.</summary>
    internal static void Fill(string root)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(root, "strata.db")};Pooling=False");
        connection.Open();
        using (var pragma = connection.CreateCommand())
        {
            pragma.CommandText = "PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;"; // random keys: all of it in memory until the end
            pragma.ExecuteNonQuery();
        }
        using var transaction = connection.BeginTransaction();
        using var layer = Prepare(connection, transaction, "INSERT INTO layers (chain, diff, parent, driver_id, tar_bytes, content_bytes, blob, blob_bytes, created) VALUES ($1, $2, $3, $4, 2048, 1024, $5, 1000, $6)", 6);
        using var image = Prepare(connection, transaction, "INSERT INTO images (manifest, config, top, size_bytes, created) VALUES ($1, $2, $3, 10240, $4)", 4);
        using var name = Prepare(connection, transaction, "INSERT INTO names (name, manifest) VALUES ($1, $2)", 2);
        int made = 0;
        string? Add(string? parent)
        {
            string chain = ChainOf(made);
            Run(layer, chain, DigestOf("diff", made), parent, DigestOf("id", made)[7..], DigestOf("blob", made), 1_700_000_000_000L + (made / 3));
            made++;
            return chain;
        }
        string?[] bases = new string?[Bases];
        for (int i = 0; i < Bases; i++)
        {
            for (int depth = 0; depth < BaseDepth; depth++)
                bases[i] = Add(bases[i]);
        }
        for (int i = 0; i < Images; i++)
        {
            string? top = bases[i % Bases];
            for (int own = OwnOf(i); own > 0; own--)
                top = Add(top);
            Run(image, DigestOf("manifest", i), DigestOf("config", i), top, 1_700_000_000_000L + i);
            Run(name, NameOf(i), DigestOf("manifest", i));
        }
        if (made != Layers)
            throw new InvalidOperationException($"{made} layers");
        transaction.Commit();
    }

    private static string DigestOf(string kind, int number) =>
        "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{kind} {number}"))));

    private static SqliteCommand Prepare(SqliteConnection connection, SqliteTransaction transaction, string text, int parameters)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = text;
        for (int i = 1; i <= parameters; i++)
            command.Parameters.Add(new SqliteParameter(string.Create(CultureInfo.InvariantCulture, $"${i}"), null));
        return command;
    }

    private static void Run(SqliteCommand command, params object?[] values)
    {
        for (int i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        command.ExecuteNonQuery();
    }
}
