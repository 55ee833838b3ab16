using System.Globalization;
using Strata.Formats.Tar;
using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <content>What changed: Docker's own cases, and those that it leaves out.</content>
public abstract partial class DriverSuite
{
    [Fact]
    public void Changes_of_twenty_files_in_a_directory()
    {
        var parent = Rig.Make("base", null, s =>
        {
            s.Dir("directory");
            for (int i = 0; i < 20; i++)
                s.File($"directory/file-{i}", $"content {i}");
        });
        var expected = new List<string> { "C /directory" };
        var upper = Rig.Make("upper", parent, s =>
        {
            for (int i = 0; i < 20; i++)
            {
                switch (i % 3)
                {
                    case 0:
                        s.File($"directory/file-{i}", $"changed {i}!");
                        expected.Add($"C /directory/file-{i}");
                        break;
                    case 1:
                        s.File($"directory/file-{i}-new", "x");
                        expected.Add($"A /directory/file-{i}-new");
                        break;
                    default:
                        s.Remove($"directory/file-{i}");
                        expected.Add($"D /directory/file-{i}");
                        break;
                }
            }
        });
        Assert.Equal(expected.Order(), Rig.Changes(upper, parent).Order());
    }

    [Fact]
    public void Diff_is_applied_to_a_sibling()
    {
        var parent = Rig.Make("base", null, s =>
        {
            for (int i = 0; i < 10; i++)
                s.File($"file-{i}", new string('a', i * 1000));
            s.File("delete-me", "x").Dir("dir-delete-me").File("dir-delete-me/inner", "x");
        });
        var upper = Rig.Make("upper", parent, s =>
        {
            for (int i = 0; i < 10; i++)
                s.File($"added-{i}", new string('b', i * 777));
            s.File("file-3", "changed").Remove("delete-me").Remove("dir-delete-me");
        });
        byte[] diff = Rig.Diff(upper, parent);
        Driver.Create(Id("sibling"), parent);
        long sizeBytes = Driver.ApplyDiff(Id("sibling"), parent, new MemoryStream(diff));
        Assert.Equal(Driver.DiffSize(upper, parent), sizeBytes);
        Assert.Equal(45 * 777 + 7, sizeBytes);
        Assert.Equal(Rig.Dump(upper), Rig.Dump(Id("sibling")));
        Assert.Equal(diff, Rig.Diff(Id("sibling"), parent));

        // A whole image in one layer.
        byte[] whole = Rig.Diff(upper, null);
        Driver.Create(Id("flat"), null);
        Assert.Equal(Driver.DiffSize(upper, null), Driver.ApplyDiff(Id("flat"), null, new MemoryStream(whole)));
        Assert.Equal(Rig.Dump(upper), Rig.Dump(Id("flat")));
        Assert.Equal(whole, Rig.Diff(Id("flat"), null));
    }

    [Fact]
    public void Diff_against_nothing_adds_everything()
    {
        var parent = Rig.Make("base", null, s => s.Dir("d").File("d/f", "12345"));
        var child = Rig.Make("child", parent, s => s.Remove("d/f").File("d/g", "123"));
        Assert.Equal(["A /d", "A /d/g"], Rig.Changes(child, null));
        Assert.Equal(3, Driver.DiffSize(child, null));
    }

    [Fact]
    public void Unchanged_layer_has_no_changes()
    {
        var parent = Rig.Make("base", null, s => s.Dir("d").File("d/f", "x").Symlink("l", "d"));
        Driver.Create(Id("child"), parent);
        // Touched without a change: copied up by overlay, equal all the same.
        Rig.Change(Id("child"), s => s.File("d/f", "x").Mode("d", 0x1ED));
        Assert.Empty(Rig.Changes(Id("child"), parent));
        Assert.Equal(0, Driver.DiffSize(Id("child"), parent));
        Assert.Equal(new TarBuilder().ToArray(), Rig.Diff(Id("child"), parent));
    }

    [Fact]
    public void Every_attribute_counts()
    {
        var names = new[] { "mode", "uid", "gid", "time", "nanosecond", "size", "xattr-new", "xattr-changed", "xattr-gone", "cap", "suid", "device", "link", "same" };
        var parent = Rig.Make("base", null, s =>
        {
            foreach (string name in names.Where(n => n is not ("device" or "link")))
                s.File(name, "1234");
            s.Node("device", NameCalls.TypeCharDevice | 0x180, 1, 3).Symlink("link", "aaaa");
            s.Xattr("xattr-changed", "user.x", 1).Xattr("xattr-gone", "user.x", 1).Xattr("same", "user.x", 1).Dir("dir");
        });
        var time = new FileTime(1_500_000_000, 987_654_321);
        var child = Rig.Make("child", parent, s =>
        {
            s.Mode("mode", 0x180).Owner("uid", 7, 0).Owner("gid", 0, 7).Touch("time", new FileTime(1_500_000_001, 987_654_321));
            s.Touch("nanosecond", new FileTime(1_500_000_000, 987_654_320)).File("size", "12345").Xattr("xattr-new", "user.x", 1);
            s.Xattr("xattr-changed", "user.x", 2).Mode("suid", 0x9A4);
            s.Xattr("cap", "security.capability", 1, 0, 0, 2, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            using (var file = FileCalls.Open(s["xattr-gone"], OpenFlags.ReadOnly))
                Assert.Equal(Errno.None, XattrCalls.TryRemove(file.Number, "user.x"u8));
            s.Remove("device").Node("device", NameCalls.TypeCharDevice | 0x180, 1, 5).Touch("device", time);
            s.Remove("link").Symlink("link", "bbbb");
            s.Xattr("dir", "user.d", 1);
        });
        Assert.Equal(names.Where(n => n != "same").Append("dir").Select(n => "C /" + n).Order(StringComparer.Ordinal), Rig.Changes(child, parent));
        ApplyElsewhere(child, parent);
    }

    [Fact]
    public void Contents_are_compared_on_demand()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "aaaa").File("g", "aaaa"));
        var child = Rig.Make("child", parent, s => s.File("f", "bbbb").File("g", "aaaa"));
        Assert.Empty(Rig.Changes(child, parent));
        Assert.Equal(["C /f"], Rig.Changes(child, parent, new DiffOptions { CompareContents = true }));
    }

    [Fact]
    public void Every_type_becomes_every_other()
    {
        string[] types = ["file", "dir", "full", "link", "char", "block", "fifo", "none"];
        string[] removed = Rig.FindsBlockDevicesBelow ? types : [.. types.Where(type => type != "block")];
        var parent = Rig.Make("base", null, s => ForEachPair(removed, types, (from, name, _) => Become(s, name, from)));
        var child = Rig.Make("child", parent, s => ForEachPair(removed, types, (from, name, to) =>
        {
            if (from != "none")
                s.Remove(name);
            Become(s, name, to);
        }));
        Assert.Equal(ExpectedChanges.Between(Rig.Dump(parent), Rig.Dump(child)), Rig.Changes(child, parent));
        ApplyElsewhere(child, parent, "again");
    }

    [Fact]
    public void Names_that_are_replaced_and_removed_over_many_layers()
    {
        // c/storage's Echo: what one layer makes, the next replaces by another type or removes, at several depths.
        LayerId? parent = null;
        string before = "/ d 0755 0:0 0.0";
        for (int round = 0; round < 12; round++)
        {
            int n = round;
            var child = Rig.Make($"echo-{round}", parent, s =>
            {
                for (int i = 0; i < 4; i++)
                {
                    string name = $"n{i}";
                    if (Path.Exists(s[name]))
                        s.Remove(name);
                    switch ((n + i) % 4)
                    {
                        case 0:
                            s.File(name, $"round {n}");
                            break;
                        case 1:
                            s.Dir(name).File(name + "/file", $"round {n}").Dir(name + "/sub").File(name + "/sub/file", n.ToString(CultureInfo.InvariantCulture));
                            break;
                        case 2:
                            s.Dir(name).Dir(name + "/sub").Dir(name + "/sub/sub");
                            break;
                    }
                }
            });
            string after = Rig.Dump(child);
            if (parent is not null)
            {
                Assert.Equal(ExpectedChanges.Between(before, after), Rig.Changes(child, parent));
                ApplyElsewhere(child, parent.Value, $"again-{round}");
            }
            parent = child;
            before = after;
        }
    }

    [Fact]
    public void Directory_that_was_removed_and_made_again_is_opaque()
    {
        var parent = Rig.Make("base", null, s => s.Dir("d").File("d/old", "x").Dir("d/sub").File("d/sub/old", "x").File("d/kept", "1"));
        var child = Rig.Make("child", parent, s => s.Remove("d").Dir("d").File("d/new", "y").File("d/kept", "1"));
        Assert.Equal(["C /d", "A /d/new", "D /d/old", "D /d/sub"], Rig.Changes(child, parent).Order(StringComparer.Ordinal).OrderBy(c => c[2..], StringComparer.Ordinal));
        ApplyElsewhere(child, parent);
        // And once more over it, where the opaque directory is a lower one.
        var grandchild = Rig.Make("grandchild", child, s => s.File("d/old", "back"));
        Assert.Equal(["C /d", "A /d/old"], Rig.Changes(grandchild, child));
        Assert.Equal(["C /d", "A /d/new", "C /d/old", "D /d/sub"], Rig.Changes(grandchild, parent).OrderBy(c => c[2..], StringComparer.Ordinal));
        ApplyElsewhere(grandchild, child, "elsewhere-2");
    }

    [Fact]
    public void Renames_are_changes()
    {
        var parent = Rig.Make("base", null, s => s.File("f", "x").Dir("d").File("d/in", "y").Dir("to"));
        var child = Rig.Make("child", parent, s =>
        {
            s.Rename("f", "to/f");
            try
            {
                s.Rename("d", "to/d");
            }
            catch (LinuxException e) when (e.Errno == Errno.EXDEV)
            {
                // overlay without redirect_dir: mv(1) copies
                s.Dir("to/d").File("to/d/in", "y").Remove("d");
            }
        });
        Assert.Equal(ExpectedChanges.Between(Rig.Dump(parent), Rig.Dump(child)), Rig.Changes(child, parent));
        Assert.Equal(["D /d", "D /f", "C /to", "A /to/d", "A /to/d/in", "A /to/f"], Rig.Changes(child, parent));
        ApplyElsewhere(child, parent);
    }

    [Fact]
    public void Hard_links_across_a_diff()
    {
        var parent = Rig.Make("base", null, s => s.File("old", "old content").Dir("d"));
        var child = Rig.Make("child", parent, s => s
            .File("a", "a").Link("b", "a").Link("d/c", "a")
            .Link("d/of-old", "old")
            .Symlink("s", "nowhere").Link("s2", "s")
            .Node("p", NameCalls.TypeFifo | 0x180).Link("p2", "p"));
        Assert.Equal(
            ["A /a", "A /b", "C /d", "A /d/c", "A /d/of-old", "C /old", "A /p", "A /p2", "A /s", "A /s2"],
            Rig.Changes(child, parent));
        Assert.Equal(1 + "old content".Length, Driver.DiffSize(child, parent));
        string again = ApplyElsewhere(child, parent);
        Assert.Contains("/d/c =/a", again, StringComparison.Ordinal);
        Assert.Contains("/old =/d/of-old", again, StringComparison.Ordinal);
        Assert.Contains("/s2 =/s", again, StringComparison.Ordinal);
        Assert.Contains("/p2 =/p", again, StringComparison.Ordinal);
    }

    [Fact]
    public void Root_attributes_are_part_of_the_difference()
    {
        var parent = Rig.Make("base", null, s => s.File("f").Mode("", 0x1C9).Owner("", 3, 4).Xattr("", "user.root", 1));
        var child = Rig.Make("child", parent, s => s.File("g"));
        Assert.StartsWith("/ d 0711 3:4 ", Rig.Dump(child), StringComparison.Ordinal);
        Assert.Equal(["g"], NamesIn(Rig.Diff(child, parent)));
        ApplyElsewhere(child, parent);
        var other = Rig.Make("other", parent, s => s.Mode("", 0x1C0));
        Assert.Empty(Rig.Changes(other, parent));
        Assert.Equal(["./"], NamesIn(Rig.Diff(other, parent)));
        ApplyElsewhere(other, parent, "other-again");
    }

    [Fact]
    public void Sockets_are_left_out_of_a_diff()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        var child = Rig.Make("child", parent, s => s.Node("socket", NameCalls.TypeSocket | 0x180).File("g"));
        byte[] diff = Rig.Diff(child, parent);
        Driver.Create(Id("again"), parent);
        Driver.ApplyDiff(Id("again"), parent, new MemoryStream(diff));
        Assert.DoesNotContain("/socket", Rig.Dump(Id("again")), StringComparison.Ordinal);
        Assert.Contains("/g ", Rig.Dump(Id("again")), StringComparison.Ordinal);
    }

    [Fact]
    public void Sparse_files_stay_sparse_and_whole()
    {
        var parent = Rig.Make("base", null, s => s.File("f"));
        var child = Rig.Make("child", parent, s =>
        {
            using (var file = new FileStream(s["sparse"], FileMode.CreateNew))
            {
                file.SetLength(12 << 20);
                file.Position = 7 << 20;
                file.Write("data"u8);
            }
            using (var file = new FileStream(s["hole"], FileMode.CreateNew))
                file.SetLength(3 << 20);
            s.Touch("sparse", new FileTime(1, 2)).Touch("hole", new FileTime(3, 4));
        });
        Assert.Equal((12 << 20) + (3 << 20), Driver.DiffSize(child, parent));
        Driver.Create(Id("grandchild"), child);
        Assert.Equal(Rig.Dump(child), Rig.Dump(Id("grandchild")));
        Rig.Use(Id("grandchild"), root =>
        {
            Assert.InRange(AttributeCalls.FindStatus(Path.Combine(root, "sparse"))!.Value.Blocks, 1, 2048);
            return 0;
        });
        ApplyElsewhere(child, parent);
    }

    /// <summary>Applies the difference onto the same parent again: must give the same tree, and the same difference.</summary>
    private string ApplyElsewhere(LayerId child, LayerId parent, string name = "elsewhere")
    {
        byte[] diff = Rig.Diff(child, parent);
        Driver.Create(Id(name), parent);
        Assert.Equal(Driver.DiffSize(child, parent), Driver.ApplyDiff(Id(name), parent, new MemoryStream(diff)));
        string dump = Rig.Dump(Id(name));
        Assert.Equal(Rig.Dump(child), dump);
        Assert.True(diff.AsSpan().SequenceEqual(Rig.Diff(Id(name), parent)), "the difference is another one");
        Assert.Equal(Rig.Changes(child, parent), Rig.Changes(Id(name), parent));
        return dump;
    }

    private static string[] NamesIn(byte[] tar)
    {
        var names = new List<string>();
        using var reader = new TarReader(new MemoryStream(tar), new TarReaderOptions());
        while (reader.ReadNext() is { } entry)
            names.Add(EntryPath.Display(entry.Name));
        return [.. names];
    }

    private static void ForEachPair(string[] before, string[] after, Action<string, string, string> use)
    {
        foreach (string from in before)
        {
            foreach (string to in after)
            {
                if (from != to)
                    use(from, $"{from}-{to}", to);
            }
        }
    }

    private static void Become(Scene scene, string name, string type)
    {
        switch (type)
        {
            case "file":
                scene.File(name, "content");
                break;
            case "dir":
                scene.Dir(name);
                break;
            case "full":
                scene.Dir(name).File(name + "/file", "x").Dir(name + "/dir").File(name + "/dir/file", "y");
                break;
            case "link":
                scene.Symlink(name, "somewhere");
                break;
            case "char":
                scene.Node(name, NameCalls.TypeCharDevice | 0x180, 1, 3);
                break;
            case "block":
                scene.Node(name, NameCalls.TypeBlockDevice | 0x180, 7, 300);
                break;
            case "fifo":
                scene.Node(name, NameCalls.TypeFifo | 0x180);
                break;
        }
    }
}
