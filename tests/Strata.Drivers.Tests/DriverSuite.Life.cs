using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>The life of layers: creating, getting, putting, removing.</content>
public abstract partial class DriverSuite
{
    [Fact]
    public void Created_layer_is_empty_and_belongs_to_root()
    {
        Driver.Create(Id("empty"), null);
        Assert.True(Driver.Exists(Id("empty")));
        string line = Rig.Dump(Id("empty"));
        Assert.StartsWith("/ d 0755 0:0 ", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void Child_looks_like_its_parent()
    {
        var parent = Rig.Make("base", null, s => s.Dir("a subdir", 0x3C5, 1, 2).File("a file", "x", 0x892));
        Driver.Create(Id("child"), parent);
        Driver.CreateReadWrite(Id("grandchild"), Id("child"));
        string before = Rig.Dump(parent);
        Assert.Contains("/a\\x20subdir d 01705 1:2", before, StringComparison.Ordinal);
        Assert.Contains("/a\\x20file f 04222 0:0", before, StringComparison.Ordinal);
        Assert.Equal(before, Rig.Dump(Id("child")));
        Assert.Equal(before, Rig.Dump(Id("grandchild")));
    }

    [Fact]
    public void The_first_children_of_a_layer_may_be_made_at_the_same_time()
    {
        for (int round = 0; round < 5; round++)
        {
            var parent = Id($"base-{round}");
            Driver.Create(parent, null);
            using var start = new Barrier(8);
            Thread[] makers = new Thread[8];
            var failed = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
            for (int i = 0; i < makers.Length; i++)
            {
                var child = Id($"child-{round}-{i}");
                makers[i] = new Thread(() =>
                {
                    start.SignalAndWait();
                    if (Record.Exception(() => Driver.CreateReadWrite(child, parent)) is { } e)
                        failed.Enqueue(e);
                });
                makers[i].Start();
            }
            foreach (var maker in makers)
                maker.Join();
            Assert.Empty(failed);
            Assert.Equal(9 * (round + 1), Driver.List().Count);
        }
    }

    [Fact]
    public void Writing_to_a_child_leaves_the_parent_as_it_was()
    {
        var parent = Rig.Make("base", null, s => s.Dir("d").File("d/f", "old").File("g", "gone").Dir("whole").File("whole/x"));
        string before = Rig.Dump(parent);
        Driver.Create(Id("child"), parent);
        Rig.Change(Id("child"), s => s.File("d/f", "new").Remove("g").Remove("whole").File("added"));
        Assert.Equal(before, Rig.Dump(parent));
        string after = Rig.Dump(Id("child"));
        Assert.Contains("/added", after, StringComparison.Ordinal);
        Assert.DoesNotContain("/whole", after, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_of_an_id_in_use_fails()
    {
        var id = Rig.Make("one", null, s => s.File("kept"));
        Fails(ErrorKind.AlreadyExists, () => Driver.Create(id, null));
        Fails(ErrorKind.AlreadyExists, () => Driver.CreateReadWrite(id, null));
        Assert.Contains("/kept", Rig.Dump(id), StringComparison.Ordinal);
    }

    [Fact]
    public void Create_with_missing_parent_fails_and_leaves_nothing()
    {
        Fails(ErrorKind.NotFound, () => Driver.Create(Id("child"), Id("missing")));
        Assert.False(Driver.Exists(Id("child")));
        Assert.Empty(Driver.List());
    }

    [Fact]
    public void Unknown_storage_option_is_refused_and_leaves_nothing()
    {
        var options = new CreateOptions { StorageOptions = new Dictionary<string, string> { ["colour"] = "red" } };
        Fails(ErrorKind.InvalidArgument, () => Driver.CreateReadWrite(Id("one"), null, options));
        Fails(ErrorKind.InvalidArgument, () => Driver.Create(Id("one"), null, options));
        Assert.False(Driver.Exists(Id("one")));
        Driver.Create(Id("one"), null);
    }

    [Fact]
    public void What_is_asked_of_a_missing_layer_fails_as_not_found()
    {
        var missing = Id("missing");
        var there = Id("there");
        Driver.Create(there, null);
        Assert.False(Driver.Exists(missing));
        Fails(ErrorKind.NotFound, () => Driver.Get(missing));
        Fails(ErrorKind.NotFound, () => Driver.GetMetadata(missing));
        Fails(ErrorKind.NotFound, () => Driver.GetUsage(missing));
        Fails(ErrorKind.NotFound, () => Driver.GetMounts(missing, new MountRequest()));
        Fails(ErrorKind.NotFound, () => Driver.Changes(missing, null));
        Fails(ErrorKind.NotFound, () => Driver.Changes(there, missing));
        Fails(ErrorKind.NotFound, () => Driver.Diff(missing, null, Stream.Null));
        Fails(ErrorKind.NotFound, () => Driver.DiffSize(missing, null));
        Fails(ErrorKind.NotFound, () => Driver.ApplyDiff(missing, null, new TarBuilder().ToStream()));
        Fails(ErrorKind.NotFound, () => Driver.OpenContents(missing));
        Driver.Put(missing);
    }

    [Fact]
    public void Remove_of_an_unknown_id_is_no_error()
    {
        Driver.Remove(Id("never-made"));
        Assert.Empty(Driver.List());
    }

    [Fact]
    public void Layers_are_listed_and_removed_from_the_last_to_the_first()
    {
        LayerId? parent = null;
        for (int i = 0; i < 5; i++)
            parent = Rig.Make($"layer-{i}", parent, s => s.File($"file-{i}"));
        Assert.Equal(["layer-0", "layer-1", "layer-2", "layer-3", "layer-4"], Driver.List().Select(l => l.ToString()).Order());
        for (int i = 4; i >= 0; i--)
        {
            Driver.Remove(Id($"layer-{i}"));
            Assert.False(Driver.Exists(Id($"layer-{i}")));
            Assert.Equal(i, Driver.List().Count);
            if (i > 0)
                Assert.Contains($"/file-{i - 1} ", Rig.Dump(Id($"layer-{i - 1}")), StringComparison.Ordinal);
        }
        // Nothing of the layers is left in the home: no names, no counts, no trash.
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(Rig.Home, "*", SearchOption.AllDirectories), File.Exists);
    }

    [Fact]
    public void Removed_id_can_be_used_again()
    {
        Rig.Make("one", null, s => s.File("old").Dir("d").File("d/x"));
        Driver.Remove(Id("one"));
        Driver.Create(Id("one"), null);
        Assert.DoesNotContain("/old", Rig.Dump(Id("one")), StringComparison.Ordinal);
    }

    [Fact]
    public void Remove_of_a_layer_with_files_that_resist()
    {
        var id = Rig.Make("one", null, s =>
        {
            string deep = "d";
            for (int i = 0; i < 300; i++, deep += "/d")
                s.Dir(deep, 0);
            s.Symlink("out", "/").Node("fifo", NameCalls.TypeFifo | 0x180);
        });
        Driver.Remove(id);
        Assert.False(Driver.Exists(id));
        Assert.True(Directory.Exists("/usr"));
    }

    [Fact]
    public void Mounted_layer_is_not_removed()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.Create(Id("child"), parent);
        string root = Driver.Get(Id("child"));
        if (Driver.Capabilities.NeedsMounts)
        {
            Assert.Contains("mounted", Fails(ErrorKind.FailedPrecondition, () => Driver.Remove(Id("child"))).Message, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(root, "f")));
        }
        Driver.Put(Id("child"));
        Driver.Remove(Id("child"));
        Assert.False(Driver.Exists(Id("child")));
    }

    [Fact]
    public void Gets_are_counted()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.Create(Id("child"), parent);
        string root = Driver.Get(Id("child"));
        Assert.Equal(root, Driver.Get(Id("child")));
        Driver.Put(Id("child"));
        Assert.True(File.Exists(Path.Combine(root, "f")));
        Driver.Put(Id("child"));
        Driver.Put(Id("child"));
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
    }

    [Fact]
    public void Count_survives_a_restart()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.Create(Id("child"), parent);
        string root = Driver.Get(Id("child"));
        var restarted = Rig.Open();
        Assert.Equal(root, restarted.Get(Id("child")));
        Assert.True(Mounts.AtOrBelow(Rig.Home).Count <= 1);
        restarted.Put(Id("child"));
        Assert.True(File.Exists(Path.Combine(root, "f")));
        restarted.Put(Id("child"));
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        Assert.True(Rig.Use(Id("child"), r => File.Exists(Path.Combine(r, "f"))));
    }

    [Fact]
    public void Cleanup_unmounts_and_keeps_the_layers()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.Create(Id("child"), parent);
        Driver.Get(Id("child"));
        Driver.Get(Id("child"));
        Rig.Open().Cleanup();
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
        Assert.Contains("/f ", Rig.Dump(Id("child")), StringComparison.Ordinal);
        Assert.Empty(Mounts.AtOrBelow(Rig.Home));
    }

    [Fact]
    public void Layer_is_written_while_it_is_mounted_twice()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.CreateReadWrite(Id("child"), parent);
        string a = Driver.Get(Id("child"));
        string b = Driver.Get(Id("child"));
        File.WriteAllText(Path.Combine(a, "new"), "x");
        Assert.Equal("x", File.ReadAllText(Path.Combine(b, "new")));
        Assert.Contains("A /new", Rig.Changes(Id("child"), parent));
        Driver.Put(Id("child"));
        Driver.Put(Id("child"));
    }

    [Fact]
    public void Status_and_metadata_tell_something()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.Create(Id("child"), parent);
        string expected = FileSystem.Type == "ext4" ? "extfs" : FileSystem.Type;
        Assert.Contains(Driver.GetStatus(), item => item.Key == "Backing Filesystem" && item.Value == expected);
        Assert.All(Driver.GetMetadata(Id("child")), pair => Assert.StartsWith(Rig.Home, pair.Value, StringComparison.Ordinal));
        Assert.NotEmpty(Driver.GetMetadata(Id("child")));
    }

    [Fact]
    public void Usage_counts_blocks_and_inodes_of_the_layer()
    {
        var parent = Rig.Make("base", null, s =>
        {
            File.WriteAllBytes(s["big"], new byte[1 << 20].Select((_, i) => (byte)(i * 7)).ToArray());
            s.Link("again", "big");
        });
        Driver.Sync();
        var usage = Driver.GetUsage(parent);
        Assert.InRange(usage.SizeBytes, 1 << 20, (1 << 20) + 65536);
        Assert.Equal(2, usage.Inodes);
    }

    [Fact]
    public void Mounts_as_data_say_where_the_layer_lies()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        Driver.Create(Id("child"), parent);
        foreach (bool readOnly in new[] { false, true })
        {
            var mount = Assert.Single(Driver.GetMounts(Id("child"), new MountRequest(ReadOnly: readOnly)));
            Assert.Equal(readOnly, mount.IsReadOnly);
            Assert.DoesNotContain(mount.Options, o => readOnly && o.StartsWith("upperdir=", StringComparison.Ordinal));
            string point = Path.Combine(Rig.Outside, "by-hand");
            Directory.CreateDirectory(point);
            Trees.Mounter.Mount([mount], point);
            try
            {
                Assert.True(File.Exists(Path.Combine(point, "f")));
                if (readOnly)
                    Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Combine(point, "new"), ""));
                else
                    File.WriteAllText(Path.Combine(point, "new"), "");
            }
            finally
            {
                Trees.Mounter.Unmount(point);
            }
        }
    }
}
