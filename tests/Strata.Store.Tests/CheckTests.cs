using Microsoft.Data.Sqlite;
using Strata.Testing;

namespace Strata.Store.Tests;

public sealed class CheckTests
{
    public static TheoryData<string> Drivers => ["erofs", "overlay", "vfs"];

    [Theory, MemberData(nameof(Drivers))]
    public void A_whole_store_has_no_findings(string driver)
    {
        using var rig = Filled(driver);
        var report = rig.Store.Check(new CheckOptions { Deep = true });
        Assert.Empty(report.Findings.Select(f => f.ToString()));
        Assert.Equal((3, 1, 1), (report.Layers, report.Images, report.Writable));
        Assert.False(report.IsDamaged);
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Orphans_are_named_with_their_sizes_and_swept(string driver)
    {
        using var rig = Filled(driver);
        string before = rig.State();
        var orphan = LayerId.New();
        rig.Store.Driver.CreateReadWrite(orphan, rig.Store.ListLayers()[0].DriverId);
        string[] files = [Path.Combine("recipes", LayerId.New() + ".recipe"), Path.Combine("layers", LayerId.New() + ".json"), Path.Combine("writable", $"{LayerId.New()}.-.-.-.gone"),
            Path.Combine("writable", "rubbish"), Path.Combine("images", new string('0', 64) + ".json"), Path.Combine("blobs", "sha256", new string('1', 64)), Path.Combine("blobs", "sha256", "rubbish")];
        foreach (string file in files)
            File.WriteAllText(Path.Combine(rig.Root, file), "x");
        string trash = Path.Combine(rig.Root, driver, ".trash", "left");
        Directory.CreateDirectory(trash);
        var found = rig.Store.Check(new CheckOptions());
        Assert.False(found.IsDamaged);
        Assert.All(found.Findings, f => Assert.True(f is { Kind: FindingKind.Leftover, Repaired: false, SizeBytes: >= 0 }, f.ToString()));
        foreach (string subject in files.Select(f => Path.Combine(rig.Root, f)).Append(trash))
            Assert.Contains(subject, found.Findings.Select(f => f.Subject));
        Assert.Contains(found.Findings, f => f.Subject.Contains(orphan.ToString(), StringComparison.Ordinal));
        Assert.True(rig.Store.Driver.Exists(orphan));
        var repaired = rig.Store.Check(new CheckOptions { Repair = true });
        Assert.Equal(found.Findings.Count, repaired.Findings.Count);
        Assert.All(repaired.Findings, f => Assert.True(f.Repaired, f.ToString()));
        Assert.Empty(rig.Store.Check().Select(f => f.ToString()));
        Assert.Equal(before, rig.State());
    }

    [Theory, MemberData(nameof(Drivers))]
    public async Task What_a_living_process_makes_is_not_told(string driver)
    {
        using var rig = Filled(driver);
        using var reading = new SlowBlob(StoreRig.Tar(7));
        var making = Task.Run(() => rig.Store.RegisterLayers([new LayerInput { Open = () => reading, DiffId = StoreRig.DiffIdOf(StoreRig.Tar(7)) }]));
        reading.WaitUntilRead();
        Assert.Empty(rig.Store.Check(repair: true).Select(f => f.ToString()));
        reading.GoOn();
        await making.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(4, rig.Store.Check(new CheckOptions { Deep = true }).Layers);
    }

    [Theory, MemberData(nameof(Drivers))]
    public void A_damaged_layer_is_fetched_again_alone_and_all_on_it_stays(string driver)
    {
        using var rig = Filled(driver);
        var layers = BaseFirst(rig);
        byte[][] tars = [.. layers.Select(rig.Give)];
        DamageContent(rig, layers[0]);
        Assert.ThrowsAny<StrataException>(() => rig.Give(layers[0]));
        var found = rig.Store.Check(new CheckOptions { Deep = true });
        Assert.True(found.IsDamaged);
        Assert.Contains(found.Findings, f => f.Subject == $"layer {layers[0].ChainId}");
        Assert.Equal(tars[2], rig.Give(layers[2])); // the others are not kept from being used

        Assert.True(rig.Store.Check(new CheckOptions { Deep = true, Repair = true }).IsDamaged); // nobody has it
        int asked = 0;
        LayerFinder lies = (_, _) => [new FoundBlob("a liar", () => new MemoryStream(tars[1]))];
        LayerFinder has = (layer, _) =>
        {
            Interlocked.Increment(ref asked);
            return [new FoundBlob("here", () => new MemoryStream(TestImage.Compress(tars[layers.ToList().FindIndex(l => l.ChainId == layer.ChainId)], "gzip")))];
        };
        string root = rig.Store.Mount("box");
        if (driver != "vfs")
            Assert.Contains(rig.Store.Check(new CheckOptions { Deep = true, Repair = true, Finders = [has] }).Findings, f => f.Problem.Contains("box", StringComparison.Ordinal));
        rig.Store.Unmount("box");
        asked = 0;
        var healed = rig.Store.Check(new CheckOptions { Deep = true, Repair = true, Finders = [lies, has] });
        Assert.Contains(healed.Findings, f => f.Subject == $"layer {layers[0].ChainId}" && f.Repaired);
        Assert.True(asked >= 1);
        Assert.Empty(rig.Store.Check(new CheckOptions { Deep = true }).Findings.Select(f => f.ToString()));
        Assert.Equal(tars, BaseFirst(rig).Select(rig.Give));
        Assert.Equal(layers, BaseFirst(rig));
        root = rig.Store.Mount("box");
        Assert.Equal("layer 3", File.ReadAllText(Path.Combine(root, "etc/top")));
        Assert.Equal("layer 1 file 0", File.ReadAllText(Path.Combine(root, "dir1/file0")));
        rig.Store.Unmount("box");
    }

    [Theory, InlineData("erofs"), InlineData("overlay")]
    public void A_layer_whose_files_are_gone_is_fetched_again(string driver)
    {
        using var rig = Filled(driver);
        var layers = BaseFirst(rig);
        byte[][] tars = [.. layers.Select(rig.Give)];
        Directory.Delete(Path.Combine(rig.Root, driver, layers[1].DriverId.ToString()), recursive: true);
        rig.Reopen();
        LayerFinder has = (layer, _) => [new FoundBlob("here", () => new MemoryStream(tars[layers.ToList().FindIndex(l => l.ChainId == layer.ChainId)]))];
        rig.Store.Check(new CheckOptions { Deep = true, Repair = true, Finders = [has] });
        Assert.Empty(rig.Store.Check(new CheckOptions { Deep = true, Repair = true }).Findings.Where(f => f.Kind == FindingKind.Damage).Select(f => f.ToString()));
        string root = rig.Store.Mount("box");
        Assert.Equal("layer 2 file 0", File.ReadAllText(Path.Combine(root, "dir2/file0")));
        rig.Store.Unmount("box");
    }

    [Fact]
    public void The_overlay_driver_s_names_are_made_again()
    {
        using var rig = Filled("overlay");
        var layers = BaseFirst(rig);
        string home = Path.Combine(rig.Root, "overlay");
        File.WriteAllText(Path.Combine(home, layers[1].DriverId.ToString(), "link"), "rubbish!");
        File.WriteAllText(Path.Combine(home, layers[2].DriverId.ToString(), "lower"), "");
        File.Delete(Directory.GetFileSystemEntries(Path.Combine(home, "l")).Single(l => new FileInfo(l).LinkTarget!.Contains(layers[0].DriverId.ToString(), StringComparison.Ordinal)));
        Assert.True(rig.Store.Check(new CheckOptions()).IsDamaged);
        Assert.False(rig.Store.Check(new CheckOptions { Repair = true }).IsDamaged);
        Assert.Empty(rig.Store.Check(new CheckOptions { Deep = true }).Findings.Select(f => f.ToString()));
        Assert.Equal("layer 1 file 0", File.ReadAllText(Path.Combine(rig.Store.Mount("box"), "dir1/file0")));
        rig.Store.Unmount("box");
    }

    [Fact]
    public void Damaged_documents_and_files_are_told()
    {
        using var rig = Filled("vfs");
        var image = rig.Store.ListImages()[0];
        File.WriteAllText(Path.Combine(rig.Root, "blobs", "sha256", image.Config.Hex), "{other}");
        File.Delete(Path.Combine(rig.Root, "images", image.Manifest.Hex + ".json"));
        File.WriteAllText(Directory.GetFiles(Path.Combine(rig.Root, "layers"))[0], "{");
        File.Delete(Assert.Single(Directory.GetFiles(Path.Combine(rig.Root, "writable"))));
        Assert.Equal(4, rig.Store.Check().Count);
        Assert.Single(rig.Store.Check(repair: true), f => !f.Repaired);
        var damaged = Assert.Single(rig.Store.Check());
        Assert.Contains("damaged", damaged.Problem, StringComparison.Ordinal);
        Assert.DoesNotContain("--repair", damaged.Advice, StringComparison.Ordinal); // which gets layers only
        rig.Store.AddImage("{1}"u8, "{config}"u8, image.TopLayer, []); // loading it again heals it
        Assert.Empty(rig.Store.Check());
    }

    [Theory, MemberData(nameof(Drivers))]
    public void One_damaged_thing_keeps_nothing_else_from_working(string driver)
    {
        using var rig = Filled(driver);
        var layers = rig.Store.ListLayers();
        rig.Store.CreateWritable("lost", null);
        rig.Store.CreateWritable("odd", null);
        rig.Store.AddImage("{2}"u8, "{c2}"u8, layers[1].ChainId, ["b:1"]);
        var other = rig.Register(StoreRig.Tar(8))[0];
        string home = driver == "vfs" ? Path.Combine(rig.Root, driver, "dir") : Path.Combine(rig.Root, driver);
        Directory.Delete(Path.Combine(home, rig.Store.GetWritable("lost").DriverId.ToString()), recursive: true);
        File.WriteAllText(Path.Combine(home, "rubbish"), "x");
        Sql(rig.Root, "PRAGMA foreign_keys=OFF; UPDATE writable SET driver_id='../x' WHERE name='odd'; UPDATE images SET config='rubbish' WHERE manifest=(SELECT manifest FROM names WHERE name='b:1'); "
            + $"INSERT INTO layers (chain, diff, driver_id, tar_bytes, content_bytes, blob, blob_bytes, created) VALUES ('rubbish', 'x', 'y', 1, 1, 'z', 1, 1)");
        rig.Reopen();
        Assert.Equal(4, rig.Store.ListLayers().Count);
        Assert.Single(rig.Store.ListImages());
        Assert.Equal(["box", "lost"], rig.Store.ListWritable().Select(w => w.Name));
        Assert.NotNull(rig.Store.FindImage("a:1"));
        Assert.Null(rig.Store.FindImage("b:1"));
        rig.Store.CreateWritable("new", other.ChainId);
        rig.Store.RemoveWritable("new");
        rig.Store.Collect(new CollectOptions { DryRun = true });
        rig.Store.MeasureItems();
        rig.Register(StoreRig.Tar(1), StoreRig.Tar(9));
        var findings = rig.Store.Check();
        foreach (string subject in new[] { "layer rubbish", "writable layer odd", "writable layer lost" })
            Assert.Contains(subject, findings.Select(f => f.Subject));
        rig.Store.RemoveWritable("lost");
        Assert.True(rig.Store.RemoveDamagedRow("odd"));
        Assert.True(rig.Store.RemoveDamagedRow("rubbish"));
        Assert.False(rig.Store.RemoveDamagedRow("box"));
        Assert.True(rig.Store.RemoveDamagedRow(findings.Single(f => f.Subject.StartsWith("image sha256:", StringComparison.Ordinal)).Subject["image ".Length..]));
        File.Delete(Path.Combine(home, "rubbish"));
        rig.Store.Check(repair: true);
        Assert.Empty(rig.Store.Check().Select(f => f.ToString()));
    }

    [Fact]
    public void A_row_of_a_layer_is_made_again()
    {
        using var rig = Filled("overlay");
        var layers = rig.Store.ListLayers();
        Sql(rig.Root, $"UPDATE layers SET diff='rubbish' WHERE chain='{BaseFirst(rig)[1].ChainId}'"); // layers of one millisecond are listed in any order
        Assert.Equal(2, rig.Store.ListLayers().Count);
        Assert.Equal(ErrorKind.Corrupt, Assert.ThrowsAny<StrataException>(() => rig.Register(StoreRig.Tar(1), StoreRig.Tar(2))).Kind);
        Assert.True(rig.Store.Check(new CheckOptions()).IsDamaged);
        rig.Store.Check(repair: true);
        Assert.Equal(layers, rig.Store.ListLayers());
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
    }

    [Fact]
    public void A_layer_whose_metadata_is_lost_gets_it_back()
    {
        using var rig = Filled("overlay");
        var lost = rig.Register(StoreRig.Tar(1), StoreRig.Tar(6))[1];
        Sql(rig.Root, $"DELETE FROM layers WHERE chain='{lost.ChainId}'");
        Assert.Contains(lost.DriverId.ToString(), Assert.Single(rig.Store.Check()).Subject, StringComparison.Ordinal);
        rig.Store.Check(repair: true);
        Assert.Equal(lost, rig.Store.FindLayer(lost.ChainId));
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
    }

    [Theory, MemberData(nameof(Drivers))]
    public void Lost_rows_in_the_middle_of_a_chain_are_written_again(string driver)
    {
        using var rig = Filled(driver);
        var layers = BaseFirst(rig);
        Sql(rig.Root, $"DELETE FROM layers WHERE chain IN ('{layers[1].ChainId}', '{layers[2].ChainId}')");
        Assert.True(rig.Store.Check(new CheckOptions()).IsDamaged);
        var repaired = rig.Store.Check(new CheckOptions { Repair = true });
        Assert.Equal(2, repaired.Findings.Count);
        Assert.All(repaired.Findings, f => Assert.True(f.Repaired, f.ToString()));
        Assert.Equal(layers, BaseFirst(rig));
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
    }

    [Theory, InlineData("erofs"), InlineData("overlay")]
    public void A_writable_layer_without_the_directory_of_its_changes_is_told(string driver)
    {
        using var rig = Filled(driver);
        rig.Store.Mount("box");
        rig.Store.Unmount("box");
        Directory.Delete(Path.Combine(rig.Root, driver, rig.Store.FindWritable("box")!.DriverId.ToString(), "diff"), recursive: true);
        var finding = rig.Store.Check(repair: true).First(f => !f.Repaired);
        Assert.Equal("writable layer box", finding.Subject);
        Assert.Contains("gone", finding.Problem, StringComparison.Ordinal);
        rig.Store.RemoveWritable("box");
        rig.Store.Check(repair: true);
        Assert.Empty(rig.Store.Check(deep: true).Select(f => f.ToString()));
    }

    [Fact]
    public void Leaked_mounts_and_stale_counts_are_named_and_ended()
    {
        using var rig = Filled("overlay");
        rig.Store.Mount("box");
        var box = rig.Store.GetWritable("box");
        string point = rig.Store.FindMountPoint(box)!;
        Assert.Empty(rig.Store.Check()); // mounted and counted
        string count = Path.Combine(rig.Root, "overlay", ".mounts", box.DriverId.ToString());
        File.Delete(count);
        string stray = Path.Combine(rig.Root, "overlay", "stray");
        Directory.CreateDirectory(stray);
        Commands.Run("mount", "-t", "tmpfs", "tmpfs", stray);
        var found = rig.Store.Check();
        Assert.Equal(new[] { point, stray }.Order(StringComparer.Ordinal), found.Select(f => f.Subject).Order(StringComparer.Ordinal));
        rig.Store.Check(repair: true);
        Assert.Empty(Mounts.AtOrBelow(rig.Root));
        Directory.Delete(stray);

        rig.Store.Mount("box");
        Commands.Run("umount", point);
        Assert.Equal(count, Assert.Single(rig.Store.Check()).Subject);
        rig.Store.Check(repair: true);
        Assert.Empty(rig.Store.Check());
        rig.Store.Mount("box");
        rig.Store.Unmount("box");
    }

    internal static StoreRig Filled(string driver)
    {
        var rig = new StoreRig(driver);
        var layers = rig.Register(StoreRig.Tar(1), StoreRig.Tar(2), StoreRig.Tar(3));
        rig.Store.AddImage("{1}"u8, "{config}"u8, layers[2].ChainId, ["a:1", "a:2"]);
        rig.Store.CreateWritable("box", layers[2].ChainId, rig.Store.FindImage("a:1")!.Manifest);
        return rig;
    }

    internal static LayerRecord[] BaseFirst(StoreRig rig) => [.. rig.Store.GetChain(rig.Store.FindImage("a:1")!.TopLayer!.Value).Reverse()];

    internal static void Sql(string root, string text)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(root, "strata.db")};Pooling=false;Foreign Keys=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    private static void DamageContent(StoreRig rig, LayerRecord layer)
    {
        string home = Path.Combine(rig.Root, rig.DriverName);
        if (rig.DriverName == "erofs")
        {
            string tar = Path.Combine(home, layer.DriverId.ToString(), "layer.tar");
            byte[] bytes = File.ReadAllBytes(tar);
            bytes[bytes.AsSpan().IndexOf("layer 1 file 0"u8)] ^= 1;
            File.WriteAllBytes(tar, bytes);
            return;
        }
        File.WriteAllText(rig.DriverName == "vfs"
            ? Path.Combine(home, "dir", layer.DriverId.ToString(), "dir1", "file0") : Path.Combine(home, layer.DriverId.ToString(), "diff", "dir1", "file0"), "LAYER 1 FILE 0");
    }

    /// <summary>A blob whose second half comes when it is told to.</summary>
    private sealed class SlowBlob(byte[] bytes) : MemoryStream(bytes)
    {
        private readonly ManualResetEventSlim _read = new(), _goOn = new();

        internal void WaitUntilRead() => Assert.True(_read.Wait(TimeSpan.FromMinutes(1)));

        internal void GoOn() => _goOn.Set();

        public override int Read(Span<byte> buffer)
        {
            if (Position >= Length / 2)
            {
                _read.Set();
                _goOn.Wait(TimeSpan.FromMinutes(1));
            }
            return base.Read(buffer[..Math.Min(buffer.Length, (int)Length / 2)]);
        }
    }
}
