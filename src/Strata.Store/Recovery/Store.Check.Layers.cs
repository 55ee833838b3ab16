using Strata.Drivers;
using Strata.Store.Metadata;
using Strata.Trees;

namespace Strata.Store;

/// <content>Checking layers.</content>
public sealed partial class Store
{
    /// <summary>A layer without reading its content: there, in its place, what was made of it as it must be.</summary>
    private void CheckStructure(LayerRecord layer, CheckOptions options, Findings findings, HashSet<ChainId> damaged, CancellationToken cancellationToken)
    {
        string subject = $"layer {layer.ChainId}";
        bool whole = Try(subject, findings, () =>
        {
            if (ChainId.Of(layer.Parent, layer.DiffId) != layer.ChainId)
                findings.Damage(subject, $"Its metadata contradicts itself: {layer.DiffId} on {layer.Parent?.ToString() ?? "nothing"} is another chain.", "strata rebuild makes all metadata again.");
            LayerId? parent = null;
            if (layer.Parent is { } below)
            {
                parent = FindLayer(below)?.DriverId;
                if (parent is null)
                    findings.Damage(subject, $"The layer {below} that it lies on is not in the metadata.", LoadAgain);
            }
            if (!Driver.Exists(layer.DriverId))
            {
                if (FindLayer(layer.ChainId) is null)
                    return; // removed just now
                throw StrataException.NotFound($"The {Driver.Name} driver has no layer {layer.DriverId}: its files are gone.");
            }
            if (IsMissing(layer))
            {
                TellMissing(layer, findings);
                if (options.Repair)
                    damaged.Add(layer.ChainId);
                return;
            }
            if (Driver is ILayerStructure structure)
                Add(structure.CheckStructure(layer.DriverId, parent, options.Repair));
            if (Driver is ILayerChecker checker)
                Add(checker.CheckLayer(layer.DriverId, options.Repair, cancellationToken));
            string recipe = _layout.Recipe(layer.DriverId);
            if (!Driver.Capabilities.ReproducesExactDiffs && !File.Exists(recipe))
                throw StrataException.Corrupt($"Its recipe {recipe} is missing: it can be used, but not given back.");
            CheckFact(layer, options, findings);
        });
        if (!whole)
            damaged.Add(layer.ChainId);

        void Add(IReadOnlyList<LayerProblem> problems)
        {
            foreach (var problem in problems)
            {
                findings.Damage(subject, problem.What, problem.Advice, problem.Repaired);
                if (!problem.Repaired && options.Repair)
                    damaged.Add(layer.ChainId);
            }
        }
    }

    private void CheckFact(LayerRecord layer, CheckOptions options, Findings findings)
    {
        string path = _layout.LayerFact(layer.DriverId);
        if (Fact.FindLayer(path) is { } fact && fact.ChainId == layer.ChainId && fact.DriverId == layer.DriverId)
            return;
        if (options.Repair)
            WriteFile(path, Fact.Of(layer));
        findings.Damage(path, $"The file from which the metadata of layer {layer.ChainId} could be made again is missing or damaged.", "strata check --repair writes it.", options.Repair);
    }

    /// <summary>Reads layers' tars and compares their digests, several at a time.</summary>
    private void CheckContents(List<ChainId> layers, CheckOptions options, Findings findings, HashSet<ChainId> damaged, CancellationToken cancellationToken)
    {
        long total = _database.ReadOne(s => s.Count("SELECT total(tar_bytes) FROM layers")), done = 0;
        int workers = options.Workers > 0 ? options.Workers : Math.Max(2, Environment.ProcessorCount);
        var broken = new System.Collections.Concurrent.ConcurrentBag<ChainId>();
        Parallel.ForEach(
            Records(layers.Where(layer => !damaged.Contains(layer))).Where(layer => !IsMissing(layer)), new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellationToken },
            layer =>
            {
                bool whole = Try($"layer {layer.ChainId}", findings, () =>
                {
                    try
                    {
                        WriteTar(layer, Stream.Null, cancellationToken);
                    }
                    catch (StrataException) when (FindLayer(layer.ChainId)?.DriverId != layer.DriverId)
                    {
                        // removed while it was read
                    }
                });
                if (!whole)
                    broken.Add(layer.ChainId);
                options.Progress?.Report(new ProgressReport("read layers", Interlocked.Add(ref done, layer.TarBytes), total));
            });
        damaged.UnionWith(broken);
    }

    /// <summary>Rows that can't be read. Those of layers and writable layers are made again from the files beside the metadata.</summary>
    private void CheckRows(CheckOptions options, Findings findings)
    {
        foreach (string key in DamagedRows("layers", "chain", Rows.LayerColumns, Rows.Layer))
        {
            bool mended = options.Repair && Mend(key, Directory.EnumerateFiles(_layout.LayerFacts).Select(Fact.FindLayer).FirstOrDefault(fact => fact?.ChainId.ToString() == key));
            findings.Damage($"layer {key}", "Its row in the metadata is damaged.", "strata check --repair writes it anew from what lies on disk; else strata rebuild.", mended);
        }
        foreach (var (table, column, columns, row, what) in new (string, string, string, Func<Microsoft.Data.Sqlite.SqliteDataReader, object>, string)[]
        {
            ("images", "manifest", Rows.ImageColumns, Rows.Image, "image"), ("writable", "name", Rows.WritableColumns, Rows.Writable, "writable layer"),
        })
        {
            foreach (string key in DamagedRows(table, column, columns, row))
                findings.Damage($"{what} {key}", "Its row in the metadata is damaged.", "strata rebuild makes all metadata again from what lies on disk; strata rm --force removes the row.");
        }

        bool Mend(string key, LayerRecord? fact) => fact is not null && Driver.Exists(fact.DriverId) && _database.Write(s => s.Run(
            "UPDATE layers SET diff=$2, parent=$3, driver_id=$4, tar_bytes=$5, content_bytes=$6, blob=$7, blob_bytes=$8, created=$9, shared=$10 WHERE chain=$1",
            key, fact.DiffId.ToString(), fact.Parent?.ToString(), fact.DriverId.ToString(), fact.TarBytes, fact.ContentBytes, fact.BlobDigest.ToString(), fact.BlobBytes,
            fact.Created.ToUnixTimeMilliseconds(), fact.SharedFrom)) == 1;
    }

    private List<string> DamagedRows(string table, string key, string columns, Func<Microsoft.Data.Sqlite.SqliteDataReader, object> read) => _database.ReadOne(s =>
    {
        var damaged = new List<string>();
        s.EachWhole($"SELECT {columns}, CAST({key} AS TEXT) FROM {table} WHERE {key} IS NOT NULL", row =>
        {
            damaged.Add(row.GetString(row.FieldCount - 1));
            read(row); // or this throws, and it stays
            damaged.RemoveAt(damaged.Count - 1);
        });
        return damaged;
    });

    /// <summary>Removes a row of the metadata that can't be read, by its key. What it named stays on disk until it is swept as an orphan.</summary>
    /// <returns>False: there is no such row, or it can be read.</returns>
    public bool RemoveDamagedRow(string key)
    {
        var damaged = new (string Table, string Key, string Columns, Func<Microsoft.Data.Sqlite.SqliteDataReader, object> Read)[]
        {
            ("writable", "name", Rows.WritableColumns, Rows.Writable), ("images", "manifest", Rows.ImageColumns, Rows.Image), ("layers", "chain", Rows.LayerColumns, Rows.Layer),
        };
        foreach (var (table, column, columns, read) in damaged)
        {
            if (!DamagedRows(table, column, columns, read).Contains(key))
                continue;
            return _reserve.Using(() => _database.Write(s =>
            {
                if (table == "images")
                    s.Run("DELETE FROM names WHERE manifest=$1", key);
                if (table == "layers" && UserOfText(s, key) is { } user)
                    throw StrataException.FailedPrecondition($"Can't remove the row of layer {key}: {user} needs it. Remove that first.");
                return s.Run($"DELETE FROM {table} WHERE {column}=$1", key);
            })) == 1;
        }
        return false;
    }

    private static string? UserOfText(Session s, string chain) =>
        s.List("SELECT 'layer ' || chain FROM layers WHERE parent=$1 LIMIT 1", r => r.GetString(0), chain).FirstOrDefault() ?? s.UserOf(Roots.Layers, chain);

    /// <summary>Writes a small file beside its place and renames it.</summary>
    private void WriteFile(string path, byte[] bytes)
    {
        string temporary = Path.Combine(_layout.Temporary, LayerId.New().ToString());
        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            TreeRemover.Remove(temporary);
            throw;
        }
    }
}
