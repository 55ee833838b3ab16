using Microsoft.Data.Sqlite;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Store.Tests;

public sealed class OpeningTests
{
    [Fact]
    public void A_store_is_private()
    {
        using var rig = new StoreRig("overlay");
        rig.Register(StoreRig.Tar(1));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(rig.Root));
    }

    [Fact]
    public void A_store_of_another_version_is_refused_and_left_alone()
    {
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        using (Open(root))
        {
        }
        Sql(root, "INSERT INTO meta SELECT 'was', value FROM meta WHERE key='schema'; UPDATE meta SET value='99' WHERE key='schema'");
        var e = Assert.ThrowsAny<StrataException>(() => Open(root));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
        Assert.Contains("99", e.Message, StringComparison.Ordinal);
        Sql(root, "UPDATE meta SET value=(SELECT value FROM meta WHERE key='was') WHERE key='schema'");
        using (Open(root))
        {
        }
    }

    [Fact]
    public void A_store_of_before_there_were_leases_keeps_what_was_made_for_its_own_sake()
    {
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        LayerRecord[] layers;
        using (var store = Open(root))
        {
            layers = [.. store.RegisterLayers([StoreRig.Input(StoreRig.Tar(1)), StoreRig.Input(StoreRig.Tar(2)), StoreRig.Input(StoreRig.Tar(3))])];
            store.AddImage("{1}"u8, "{c}"u8, layers[0].ChainId, ["a:1"]);
        }
        Sql(root, "DROP VIEW driver_ids; DROP TABLE graph; CREATE VIEW driver_ids (driver_id) AS SELECT driver_id FROM layers; DROP TABLE lease_items; DROP TABLE leases; DROP INDEX writable_image; DROP INDEX layers_shared; ALTER TABLE layers DROP COLUMN shared; ALTER TABLE images DROP COLUMN borrowed; UPDATE meta SET value='6' WHERE key='schema'");
        using (var store = Open(root))
        {
            Assert.Equal([layers[2].ChainId], Assert.Single(store.ListLeases()).Layers);
            Assert.Empty(store.Collect().Layers);
        }
    }

    [Fact]
    public void A_store_of_another_driver_is_refused()
    {
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        using (Open(root))
        {
        }
        var e = Assert.ThrowsAny<StrataException>(() => Open(root, "overlay"));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
        Assert.Contains("vfs", e.Message, StringComparison.Ordinal);
        using var store = Open(root, driver: null);
        Assert.Equal("vfs", store.Driver.Name);
    }

    [Fact]
    public void A_driver_that_is_unknown_is_told_with_those_that_are()
    {
        using var scratch = new ScratchDirectory();
        var e = Assert.ThrowsAny<StrataException>(() => Open(scratch["store"], "zebra"));
        Assert.Contains("overlay", e.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("text"), InlineData("header"), InlineData("pages")]
    public void A_damaged_database_is_told(string damage)
    {
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        using (var store = Open(root))
            store.RegisterLayers([StoreRig.Input(StoreRig.Tar(1))]);
        string file = Path.Combine(root, "strata.db");
        byte[] bytes = File.ReadAllBytes(file);
        if (damage == "text")
            bytes = "this is no database"u8.ToArray();
        else if (damage == "header")
            bytes.AsSpan(0, 100).Fill(0x55);
        else
            bytes.AsSpan(4096).Fill(0x55);
        File.WriteAllBytes(file, bytes);
        var e = Assert.ThrowsAny<StrataException>(() =>
        {
            using var store = Open(root);
            store.ListLayers();
        });
        Assert.Equal(ErrorKind.Corrupt, e.Kind);
        Assert.Contains("strata.db", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_as_root_is_told()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["file"], "x");
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => Open(scratch["file"])).Kind);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.ThrowsAny<StrataException>(() => Open(scratch["file/below"])).Kind);
        Assert.Equal("x", File.ReadAllText(scratch["file"]));
    }

    [Fact]
    public void A_read_only_root_is_told()
    {
        using var scratch = new ScratchDirectory();
        string point = scratch.MountTmpfs("fs", "size=20m");
        using (Open(Path.Combine(point, "store")))
        {
        }
        Commands.Run("mount", "-o", "remount,ro", point);
        foreach (string root in new[] { Path.Combine(point, "store"), Path.Combine(point, "new") })
        {
            var e = Assert.ThrowsAny<StrataException>(() => Open(root));
            Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
            Assert.Contains(root, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Many_can_make_a_store_at_once()
    {
        using var scratch = new ScratchDirectory();
        string root = scratch["store"];
        using var barrier = new Barrier(6);
        var drivers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Factory.StartNew(
            () =>
            {
                barrier.SignalAndWait();
                try
                {
                    using var store = Open(root, i % 2 == 0 ? "vfs" : "overlay");
                    return store.Driver.Name;
                }
                catch (StrataException e) when (e.Kind == ErrorKind.FailedPrecondition && e.Message.Contains("is kept by the driver", StringComparison.Ordinal))
                {
                    return null;
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Assert.Equal(3, drivers.Count(d => d is not null));
        Assert.Single(drivers.Where(d => d is not null).Distinct());
    }

    [Fact]
    public void What_a_dead_process_left_is_swept()
    {
        using var rig = new StoreRig("overlay");
        var kept = rig.Register(StoreRig.Tar(1))[0];
        string before = rig.State();
        // A layer that was being made, one that was named just before the end, and a lease alone.
        var half = LayerId.New();
        rig.Store.Driver.Create(half, kept.DriverId);
        File.WriteAllText(Path.Combine(rig.Root, "recipes", half + ".recipe"), "half");
        foreach (var id in new[] { half, kept.DriverId, LayerId.New() })
            File.WriteAllText(Path.Combine(rig.Root, "leases", id.ToString()), "");
        rig.Reopen();
        Assert.Equal(before, rig.State());
    }

    [Fact]
    public void What_is_being_made_is_not_swept()
    {
        using var rig = new StoreRig("overlay");
        var making = LayerId.New();
        rig.Store.Driver.Create(making, null);
        string path = Path.Combine(rig.Root, "leases", making.ToString());
        using (ProcessLock.Acquire(path))
        {
            rig.Reopen();
            Assert.True(rig.Store.Driver.Exists(making));
        }
        rig.Reopen();
        Assert.False(rig.Store.Driver.Exists(making));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_store_opens_though_something_abandoned_is_mounted()
    {
        using var rig = new StoreRig("overlay");
        rig.Store.CreateWritable("box", rig.Register(StoreRig.Tar(1))[0].ChainId);
        string before = rig.State();
        var abandoned = LayerId.New();
        rig.Store.Driver.CreateReadWrite(abandoned, rig.Store.ListLayers()[0].DriverId);
        rig.Store.Driver.Get(abandoned);
        File.WriteAllText(Path.Combine(rig.Root, "leases", abandoned.ToString()), "");
        rig.Reopen();
        Assert.True(rig.Store.Driver.Exists(abandoned));
        rig.Store.Driver.Put(abandoned);
        rig.Reopen();
        Assert.Equal(before, rig.State());
    }

    private static Store Open(string root, string? driver = "vfs") => Strata.Store.Store.Open(new StoreOptions { Root = root, Driver = driver });

    private static void Sql(string root, string text)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(root, "strata.db")};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }
}
