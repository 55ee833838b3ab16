using System.Globalization;
using Strata.Drivers;
using Strata.Testing;

namespace Strata.Store.Tests;

/// <summary>Layers and images of other stores, used where they lie.</summary>
public sealed class SharedStoreTests
{
    private static readonly byte[] _manifest = "{\"m\":1}"u8.ToArray();

    public static TheoryData<string> Drivers => ["erofs", "overlay", "vfs"];

    [Theory, MemberData(nameof(Drivers))]
    public void What_a_read_only_store_has_is_used_without_a_copy_and_without_a_byte_written_there(string driver)
    {
        using var scratch = new ScratchDirectory();
        var tars = Tars();
        var theirs = MakeShared(driver, scratch["theirs"], tars);
        using var readOnly = new ReadOnlyBind(scratch["theirs"], scratch["share"]);
        string before = Listing(scratch["theirs"]);
        using (var store = Open(driver, scratch["mine"], scratch["share"]))
        {
            Assert.Null(Assert.Single(store.SharedStores).Problem);
            var listed = Assert.Single(store.ListSharedImages());
            Assert.Equal((scratch["share"], "base:1"), (listed.SharedFrom, listed.Names[0]));
            Assert.Empty(store.ListImages());
            Assert.Null(store.FindImage("base:1"));
            var image = store.BorrowImage(store.FindSharedImage("base:1")!);
            Assert.True(image.IsBorrowed);
            Assert.Equal(_manifest, store.ReadBlob(image.Manifest));
            Assert.All(store.ListLayers(), layer => Assert.Equal(scratch["share"], layer.SharedFrom));

            store.CreateWritable("box", image.TopLayer, image.Manifest);
            string root = store.Mount("box");
            Assert.Equal("layer 3", File.ReadAllText(Path.Combine(root, "etc/top")));
            Assert.Equal("layer 1 file 0", File.ReadAllText(Path.Combine(root, "dir1/file0")));
            Assert.Equal((UnixFileMode)0x1E8, File.GetUnixFileMode(root)); // 0750 of the lowest: the others do not list their root
            File.WriteAllText(Path.Combine(root, "etc/new"), "mine");
            File.Delete(Path.Combine(root, "dir1/file0"));
            store.Unmount("box");
            Assert.Equal(["/dir1", "/dir1/file0", "/etc", "/etc/new"], store.Changes("box").Select(c => c.Path.ToString()));
            var committed = store.Commit("box");
            Assert.Null(committed.SharedFrom);
            for (int i = 0; i < tars.Length; i++)
                Assert.Equal(tars[i], Give(store, store.GetChain(image.TopLayer!.Value)[2 - i]));

            long largest = store.MeasureItems().Where(item => item.SharedFrom is not null).Max(item => item.Own.SizeBytes);
            Assert.True(largest < 64 << 10, $"a linked layer takes {largest} bytes here"); // the tree there has a file of 200 KB in each
            Assert.Empty(store.Check(new CheckOptions { Deep = true }).Findings);
        }
        Assert.Equal(before, Listing(scratch["theirs"]));
        Assert.Equal(theirs, ReadNames(driver, scratch["theirs"]));
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Removing_collecting_and_repairing_touch_nothing_of_theirs(string driver)
    {
        using var scratch = new ScratchDirectory();
        var tars = Tars();
        MakeShared(driver, scratch["theirs"], tars); // writable: nothing but our care protects it
        string before = Listing(scratch["theirs"]);
        using (var store = Open(driver, scratch["mine"], scratch["theirs"]))
        {
            var image = store.BorrowImage(store.FindSharedImage("base:1")!);
            store.CreateWritable("box", image.TopLayer, image.Manifest);
            Assert.Equal("layer 3", File.ReadAllText(Path.Combine(store.Mount("box"), "etc/top")));
            store.Unmount("box");
            Assert.Empty(store.Collect().Layers); // in use
            store.RemoveWritable("box");
        }
        using (var store = Open(driver, scratch["mine"], scratch["theirs"]))
        {
            var report = store.Collect();
            Assert.Equal(3, report.Layers.Count);
            Assert.Single(report.Images);
            Assert.Empty(store.ListLayers());
            Assert.Empty(store.Driver.List());
            var again = store.BorrowImage(store.FindSharedImage("base:1")!);
            store.RemoveImage(again.Manifest);
            Assert.Empty(store.Check(new CheckOptions { Repair = true }).Findings);
            Assert.Empty(store.Driver.List());
        }
        Assert.Equal(before, Listing(scratch["theirs"]));
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_layer_that_is_registered_is_taken_from_a_shared_store_and_one_of_both_from_here(string driver)
    {
        using var scratch = new ScratchDirectory();
        var tars = Tars();
        MakeShared(driver, scratch["theirs"], tars);
        using (var own = Open(driver, scratch["mine"]))
            own.RegisterLayers([StoreRig.Input(tars[0])]);
        using var store = Open(driver, scratch["mine"], scratch["theirs"]);
        int read = 0;
        var layers = store.RegisterLayers([.. tars.Append(StoreRig.Tar(9)).Select(tar => StoreRig.Input(tar) with
        {
            Open = () =>
            {
                Interlocked.Increment(ref read);
                return new MemoryStream(tar, writable: false);
            },
        })]);
        Assert.Equal(1, read);
        Assert.Equal([null, scratch["theirs"], scratch["theirs"], null], layers.Select(layer => layer.SharedFrom));
        Assert.Equal(tars[2], Give(store, layers[2]));
        Assert.Empty(store.Check(new CheckOptions { Deep = true }).Findings);
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_layer_that_is_gone_is_named_with_what_is_on_it_and_comes_again_from_elsewhere(string driver)
    {
        using var scratch = new ScratchDirectory();
        var tars = Tars();
        MakeShared(driver, scratch["theirs"], tars);
        using (var store = Open(driver, scratch["mine"], scratch["theirs"]))
        {
            var image = store.BorrowImage(store.FindSharedImage("base:1")!);
            store.AddName("mine:1", image.Manifest);
            store.CreateWritable("box", image.TopLayer, image.Manifest);
            store.CreateWritable("other", store.RegisterLayers([StoreRig.Input(StoreRig.Tar(8))])[0].ChainId);
        }
        Directory.Move(scratch["theirs"], scratch["moved"]);
        using (var store = Open(driver, scratch["mine"], scratch["theirs"]))
        {
            Assert.Contains("no directory", store.SharedStores[0].Problem, StringComparison.Ordinal);
            var gone = Assert.Throws<StrataException>(() => store.Mount("box"));
            Assert.Equal(ErrorKind.Unavailable, gone.Kind);
            Assert.Contains(scratch["theirs"], gone.Message, StringComparison.Ordinal);
            Assert.Equal(ErrorKind.Unavailable, Assert.Throws<StrataException>(() => store.CreateWritable("more", store.FindImage("mine:1")!.TopLayer)).Kind);
            Assert.Equal(ErrorKind.Unavailable, Assert.Throws<StrataException>(() => Give(store, store.GetChain(store.FindImage("mine:1")!.TopLayer!.Value)[0])).Kind);
            store.Mount("other"); // nothing else is kept from working
            store.Unmount("other");
            Assert.Equal(3, store.MeasureItems().Count(item => item.SharedFrom is not null));
            var findings = store.Check(new CheckOptions()).Findings;
            Assert.Equal(3, findings.Count(f => f.Kind == FindingKind.Damage && f.Problem.Contains("image mine:1, writable layer box", StringComparison.Ordinal)));
        }
        using (var store = Open(driver, scratch["mine"], scratch["moved"]))
        {
            // It is elsewhere now.
            var findings = store.Check(new CheckOptions { Repair = true }).Findings;
            Assert.All(findings, finding => Assert.True(finding.Repaired, finding.ToString()));
            Assert.Equal("layer 3", File.ReadAllText(Path.Combine(store.Mount("box"), "etc/top")));
            store.Unmount("box");
            Assert.All(store.GetChain(store.FindImage("mine:1")!.TopLayer!.Value), layer => Assert.Equal(scratch["moved"], layer.SharedFrom));
        }
        new DirectoryInfo(scratch["moved"]).Delete(recursive: true);
        using (var store = Open(driver, scratch["mine"]))
        {
            // It is nowhere, but its blobs are.
            LayerFinder finder = (layer, _) => tars.Where(tar => StoreRig.DiffIdOf(tar) == layer.DiffId).Select(tar => new FoundBlob("here", () => new MemoryStream(tar)));
            var findings = store.Check(new CheckOptions { Repair = true, Finders = [finder] }).Findings;
            Assert.All(findings, finding => Assert.True(finding.Repaired, finding.ToString()));
            Assert.Equal("layer 3", File.ReadAllText(Path.Combine(store.Mount("box"), "etc/top")));
            store.Unmount("box");
            Assert.All(store.ListLayers(), layer => Assert.Null(layer.SharedFrom));
            Assert.Empty(store.Check(new CheckOptions { Deep = true }).Findings);
        }
    }

    [Fact]
    public void Stores_that_cant_be_used_are_told_and_left_out_and_nothing_fails_by_them()
    {
        using var scratch = new ScratchDirectory();
        MakeShared("vfs", scratch["good"], Tars());
        MakeShared("vfs", scratch["newer"], [StoreRig.Tar(7)]);
        Sql(scratch["newer"], "UPDATE meta SET value='999' WHERE key='schema'");
        MakeShared("overlay", scratch["other"], [StoreRig.Tar(7)]);
        MakeShared("vfs", scratch["broken"], [StoreRig.Tar(7)]);
        File.WriteAllText(Path.Combine(scratch["broken"], "strata.db"), "this is no database, though it is as long as a header of one: 100 bytes, of which SQLite reads the first");
        Directory.CreateDirectory(scratch["empty"]);
        string[] shared = [.. new[] { "newer", "other", "broken", "empty", "none", "mine", "good" }.Select(name => scratch[name])];
        var told = new List<string>();
        using var store = Store.Open(new StoreOptions { Root = scratch["mine"], Driver = "vfs", SharedStores = shared, SharedStoreLeftOut = left => told.Add(left.Root) });
        Assert.Equal("base:1", Assert.Single(store.ListSharedImages()).Names[0]);
        store.BorrowImage(store.FindSharedImage("base:1")!);
        Assert.Equal(shared[..6], told);
        var problems = store.SharedStores.Select(s => s.Problem).ToArray();
        Assert.Contains("version 999", problems[0], StringComparison.Ordinal);
        Assert.Contains("the driver overlay", problems[1], StringComparison.Ordinal);
        Assert.Contains("no database", problems[2], StringComparison.Ordinal);
        Assert.Contains("missing", problems[3], StringComparison.Ordinal);
        Assert.Contains("no directory", problems[4], StringComparison.Ordinal);
        Assert.Contains("itself", problems[5], StringComparison.Ordinal);
        Assert.Null(problems[6]);
    }

    [Theory, InlineData("vfs"), InlineData("erofs")]
    public void A_layer_that_is_damaged_there_is_unpacked_here_as_if_there_were_no_such_store(string driver)
    {
        using var scratch = new ScratchDirectory();
        var tars = Tars();
        MakeShared(driver, scratch["theirs"], tars);
        if (driver == "vfs")
            new DirectoryInfo(Path.Combine(scratch["theirs"], "recipes")).Delete(recursive: true);
        else
            Directory.EnumerateFiles(Path.Combine(scratch["theirs"], "erofs"), "layer.tar", SearchOption.AllDirectories).ToList().ForEach(File.Delete);
        using var store = Open(driver, scratch["mine"], scratch["theirs"]);
        var layers = store.RegisterLayers([.. tars.Select(tar => StoreRig.Input(tar))]);
        Assert.All(layers, layer => Assert.Null(layer.SharedFrom));
        Assert.NotNull(store.SharedStores[0].Problem);
        Assert.Equal(3, store.Driver.List().Count); // no half of a link is left
        Assert.Empty(store.Check(new CheckOptions { Deep = true }).Findings);
    }

    [Fact]
    public void What_stands_in_a_write_ahead_log_and_in_an_older_schema_is_seen_and_changes_are()
    {
        using var scratch = new ScratchDirectory();
        string before;
        using (var theirs = Open("vfs", scratch["theirs"]))
        {
            var layers = theirs.RegisterLayers([.. Tars().Select(tar => StoreRig.Input(tar))]);
            theirs.AddImage(_manifest, "{}"u8, layers[^1].ChainId, ["base:1"]);
            Assert.True(new FileInfo(Path.Combine(scratch["theirs"], "strata.db-wal")).Length > 0); // open: not yet in the file
            before = Listing(scratch["theirs"]);
            using var store = Open("vfs", scratch["mine"], scratch["theirs"]);
            Assert.Equal("base:1", Assert.Single(store.ListSharedImages()).Names[0]);
            Assert.Equal(before, Listing(scratch["theirs"]));
            theirs.AddName("more:1", theirs.FindImage("base:1")!.Manifest);
            Assert.Equal(2, Assert.Single(store.ListSharedImages()).Names.Count);
            Assert.Single(Directory.GetFiles(Path.Combine(scratch["mine"], "shared")));
        }
        Sql(scratch["theirs"], "DROP INDEX layers_shared; ALTER TABLE layers DROP COLUMN shared; ALTER TABLE images DROP COLUMN borrowed; UPDATE meta SET value='8' WHERE key='schema'");
        before = Listing(scratch["theirs"]);
        using (var store = Open("vfs", scratch["mine"], scratch["theirs"]))
            Assert.Equal(3, store.GetChain(store.BorrowImage(store.FindSharedImage("more:1")!).TopLayer!.Value).Count);
        Assert.Equal(before, Listing(scratch["theirs"]));
    }

    [Fact]
    public async Task Many_use_a_shared_store_at_once_while_its_owner_writes_to_it()
    {
        using var scratch = new ScratchDirectory();
        MakeShared("erofs", scratch["theirs"], Tars());
        using var stop = new CancellationTokenSource();
        using var theirs = Open("erofs", scratch["theirs"]);
        var writer = Task.Run(() =>
        {
            for (int i = 100; !stop.IsCancellationRequested; i++)
                theirs.AddImage(System.Text.Encoding.ASCII.GetBytes($"{{{i}}}"), "{}"u8, theirs.RegisterLayers([StoreRig.Input(StoreRig.Tar(i))])[0].ChainId, [string.Create(CultureInfo.InvariantCulture, $"i:{i}")]);
        });
        try
        {
            await Parallel.ForAsync(0, 6, new ParallelOptions { MaxDegreeOfParallelism = 6 }, (i, cancelled) =>
            {
                using var store = Open("erofs", scratch["mine"], scratch["theirs"]);
                Assert.Null(store.SharedStores[0].Problem);
                var image = store.BorrowImage(store.FindSharedImage("base:1")!);
                string name = string.Create(CultureInfo.InvariantCulture, $"box{i}");
                store.CreateWritable(name, image.TopLayer, image.Manifest, cancellationToken: cancelled);
                Assert.Equal("layer 3", File.ReadAllText(Path.Combine(store.Mount(name), "etc/top")));
                store.Unmount(name);
                store.Collect(null, cancelled);
                return ValueTask.CompletedTask;
            });
        }
        finally
        {
            await stop.CancelAsync();
            await writer; // before its directory goes, whatever failed
        }
        using var after = Open("erofs", scratch["mine"], scratch["theirs"]);
        Assert.Equal(3, after.ListLayers().Count); // nobody linked one twice
        Assert.Empty(after.Check(new CheckOptions { Deep = true }).Findings);
    }

    [Fact]
    public void On_btrfs_a_layer_is_a_snapshot_that_needs_the_other_store_no_more_and_another_file_system_is_refused()
    {
        using var disk = LoopFileSystem.Create("btrfs");
        using var scratch = new ScratchDirectory();
        string mine = Path.Combine(disk.Root, "mine"), theirs = Path.Combine(disk.Root, "theirs");
        var tars = Tars();
        MakeShared("btrfs", theirs, tars);
        MakeShared("erofs", scratch["elsewhere"], tars);
        string before = Listing(theirs);
        using (var store = Open("btrfs", mine, scratch["elsewhere"], theirs))
        {
            Assert.NotNull(store.SharedStores[0].Problem);
            var image = store.BorrowImage(store.FindSharedImage("base:1")!);
            store.CreateWritable("box", image.TopLayer, image.Manifest);
            Assert.Equal("layer 3", File.ReadAllText(Path.Combine(store.Mount("box"), "etc/top")));
            store.Unmount("box");
            Assert.Empty(store.Changes("box"));
            Assert.Equal(before, Listing(theirs));
        }
        using (var owner = Open("btrfs", theirs))
            owner.RemoveImage(owner.FindImage("base:1")!.Manifest);
        using (var store = Open("btrfs", mine))
        {
            Assert.Empty(store.Check(new CheckOptions { Deep = true }).Findings);
            var layers = store.ListLayers();
            Assert.All(layers, layer => Assert.Null(layer.SharedFrom));
            Assert.Equal(tars.ToHashSet(ByContent), layers.Select(layer => Give(store, layer)).ToHashSet(ByContent));
            store.RemoveWritable("box");
        }
        using (var store = Open("btrfs", mine))
        {
            Assert.Equal(3, store.Collect().Layers.Count);
            Assert.Empty(store.Driver.List());
        }
    }

    private static readonly IEqualityComparer<byte[]> ByContent = EqualityComparer<byte[]>.Create((a, b) => a.AsSpan().SequenceEqual(b), bytes => bytes.Length);

    [Fact]
    public void Metadata_that_is_made_again_knows_what_is_shared()
    {
        using var scratch = new ScratchDirectory();
        MakeShared("overlay", scratch["theirs"], Tars());
        using (var store = Open("overlay", scratch["mine"], scratch["theirs"]))
        {
            var image = store.BorrowImage(store.FindSharedImage("base:1")!);
            store.CreateWritable("box", image.TopLayer, image.Manifest);
        }
        File.Delete(Path.Combine(scratch["mine"], "strata.db"));
        Store.Rebuild(new StoreOptions { Root = scratch["mine"] }, null, TestContext.Current.CancellationToken);
        using var again = Open("overlay", scratch["mine"]);
        Assert.All(again.ListLayers(), layer => Assert.Equal(scratch["theirs"], layer.SharedFrom));
        Assert.True(Assert.Single(again.ListImages()).IsBorrowed);
        Assert.Equal("layer 3", File.ReadAllText(Path.Combine(again.Mount("box"), "etc/top")));
        again.Unmount("box");
    }

    private static byte[][] Tars()
    {
        string large = new('x', 200_000);
        return [
            new TarBuilder().Dir("./", mode: 0x1E8).Dir("etc").Dir("dir1").File("dir1/file0", "layer 1 file 0").File("dir1/file1", "1").File("etc/top", "layer 1").File("large1", large).ToArray(),
            new TarBuilder().Dir("dir2").File("dir2/.wh..wh..opq", "").File("dir1/.wh.file1", "").File("etc/top", "layer 2").File("large2", large).ToArray(),
            new TarBuilder().File("etc/top", "first").File("etc/top", "layer 3").Hardlink("etc/again", "etc/top").File("large3", large).ToArray(), // with a displaced file
        ];
    }

    private static string MakeShared(string driver, string root, byte[][] tars)
    {
        using (var store = Open(driver, root))
        {
            var layers = store.RegisterLayers([.. tars.Select(tar => StoreRig.Input(tar))]);
            store.AddImage(_manifest, "{}"u8, layers[^1].ChainId, ["base:1"]);
        }
        return ReadNames(driver, root);
    }

    private static Store Open(string driver, string root, params string[] shared) =>
        Store.Open(new StoreOptions { Root = root, Driver = driver, SharedStores = shared, SharedStoreLeftOut = left => TestContext.Current.TestOutputHelper?.WriteLine($"{left.Root}: {left.Problem}") });

    private static string ReadNames(string driver, string root)
    {
        using var store = Open(driver, root);
        Assert.Empty(store.Check(new CheckOptions { Deep = true }).Findings);
        return string.Join(' ', store.ListLayers().Select(layer => layer.ChainId.ToString())) + string.Join(' ', store.ListImages().SelectMany(image => image.Names));
    }

    private static byte[] Give(Store store, LayerRecord layer)
    {
        using var tar = new MemoryStream();
        store.WriteTar(layer, tar);
        return tar.ToArray();
    }

    /// <summary>All that stat tells of every file but when it was read, and each file's bytes.</summary>
    private static string Listing(string root) =>
        Commands.Run("sh", "-c", $"cd {root} && find . -printf '%P %y %m %U:%G %n %s %T@ %C@ %l\\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum");

    private static void Sql(string root, string text)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(root, "strata.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    /// <summary>A read-only view of a directory, as a share that is mounted read-only.</summary>
    private sealed class ReadOnlyBind : IDisposable
    {
        private readonly string _at;

        internal ReadOnlyBind(string directory, string at)
        {
            _at = at;
            Directory.CreateDirectory(at);
            Commands.Run("mount", "--bind", directory, at);
            Commands.Run("mount", "-o", "remount,bind,ro", at);
        }

        public void Dispose() => Commands.Run("umount", _at);
    }
}
