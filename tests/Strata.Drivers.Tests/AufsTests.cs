using Strata.Drivers.Aufs;
using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>The aufs driver on a kernel without aufs: all that needs no mount, and the mount down to its arguments.</summary>
public sealed class AufsTests : IDisposable
{
    private readonly string _outside;
    private readonly string _home;
    private readonly AufsDriver _aufs;
    private readonly Rig _overlay;

    public AufsTests(FileSystems fileSystems)
    {
        _outside = fileSystems.Of("ext4").NewDirectory();
        _home = Path.Combine(_outside, "home");
        DockerMadeIt(_home);
        _aufs = new AufsDriver(_home, DriverOptions.None);
        _overlay = new Rig("overlay", fileSystems.Of("ext4"));
    }

    public static TheoryData<string> OverNames => [.. RichLayers.Over.Keys];

    public void Dispose()
    {
        using var closing = new Closing();
        closing.Do(_overlay.Dispose);
        closing.Do(() => Assert.Empty(Mounts.AtOrBelow(_outside)));
        closing.Do(() => Trees.TreeRemover.Remove(_outside));
    }

    [Fact]
    public void Store_that_docker_made_is_read_without_aufs()
    {
        Assert.Equal(["base", "middle", "top"], _aufs.List().Select(l => l.ToString()).Order());
        Assert.Equal(
            ["A /added", "C /dir", "A /dir/new", "D /dir/old", "D /dir/sub", "C /kept", "D /removed"],
            Changes("middle", "base"));
        Assert.Equal(["A /by-container"], Changes("top", "middle"));
        Assert.Equal(["A /added", "A /by-container", "C /dir", "A /dir/new", "D /dir/old", "D /dir/sub", "C /kept", "D /removed"], Changes("top", "base"));
        // The whole tree in another driver.
        _overlay.Driver.Create(Rig.Id("whole"), null);
        _overlay.Driver.ApplyDiff(Rig.Id("whole"), null, new MemoryStream(Diff("top", null)));
        var paths = _overlay.Dump(Rig.Id("whole")).Split('\n').Select(line => line.Split(' ')[0]);
        Assert.Equal(["/", "/added", "/by-container", "/dir", "/dir/new", "/kept"], paths.Order(StringComparer.Ordinal));
        Assert.Equal("changed", _overlay.Use(Rig.Id("whole"), root => File.ReadAllText(Path.Combine(root, "kept"))));
    }

    [Theory]
    [MemberData(nameof(OverNames))]
    public void Applied_layer_differs_as_with_overlay(string name)
    {
        var below = Apply("below", null, RichLayers.Below());
        var over = Apply("over", below, RichLayers.Over[name]());
        _overlay.Apply("below", null, RichLayers.Below());
        _overlay.Apply("over", below, RichLayers.Over[name]());
        Assert.Equal(_overlay.Changes(over, below), Changes("over", "below"));
        Assert.True(_overlay.Diff(over, below).AsSpan().SequenceEqual(Diff("over", below)), "the diffs differ");
        Assert.True(_overlay.Diff(over, null).AsSpan().SequenceEqual(Diff("over", null)), "the whole trees differ");
        Assert.Equal(_overlay.Driver.DiffSize(over, below), _aufs.DiffSize(over, below));
        // No mark of overlayfs is left in the branch.
        foreach (string path in Directory.EnumerateFileSystemEntries(Path.Combine(_home, "diff/over"), "*", SearchOption.AllDirectories))
        {
            Assert.False(AttributeCalls.FindStatus(path) is { Type: NameCalls.TypeCharDevice, RdevMajor: 0, RdevMinor: 0 }, path);
            Assert.DoesNotContain("overlay", Commands.TryRun("getfattr", "-h", "-d", "-m", "trusted", path).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Removals_are_written_as_aufs_has_them()
    {
        var below = Apply("below", null, new TarBuilder().Dir("d").File("d/x", "x").File("f", "f"));
        Apply("over", below, new TarBuilder().Whiteout("f").Dir("d").Opaque("d").File("d/y", "y"));
        string branch = Path.Combine(_home, "diff/over");
        Assert.Equal([".wh.f", "d"], Directory.EnumerateFileSystemEntries(branch).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal([".wh..wh..opq", "y"], Directory.EnumerateFileSystemEntries(Path.Combine(branch, "d")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("below\n", File.ReadAllText(Path.Combine(_home, "layers/over")));
    }

    [Fact]
    public void Get_without_aufs_is_not_supported()
    {
        if (File.ReadAllText("/proc/filesystems").Contains("\taufs\n", StringComparison.Ordinal))
            Assert.Skip("this kernel has aufs");
        var e = Assert.Throws<DriverUnusableException>(() => _aufs.Get(Rig.Id("top")));
        Assert.Equal(DriverUnusableReason.NotSupported, e.Reason);
        Assert.Contains("strata save", e.Message, StringComparison.Ordinal);
        Assert.Equal(Path.Combine(_home, "diff/base"), _aufs.Get(Rig.Id("base")));
        _aufs.Put(Rig.Id("base"));
        // Nobody begins a store that can't be mounted.
        string empty = Path.Combine(_outside, "empty");
        Assert.Equal(DriverUnusableReason.NotSupported, Assert.Throws<DriverUnusableException>(() => new AufsDriver(empty, DriverOptions.None)).Reason);
        Assert.False(Directory.Exists(empty));
        Assert.NotEmpty(_aufs.GetStatus());
    }

    [Fact]
    public void File_systems_that_can_not_hold_branches_are_refused()
    {
        using var btrfs = LoopFileSystem.Create("btrfs");
        string home = Path.Combine(btrfs.NewDirectory(), "home");
        DockerMadeIt(home);
        Assert.Equal(DriverUnusableReason.IncompatibleFileSystem, Assert.Throws<DriverUnusableException>(() => new AufsDriver(home, DriverOptions.None)).Reason);
    }

    [Fact]
    public void Life_without_a_mount()
    {
        _aufs.CreateReadWrite(Rig.Id("box"), Rig.Id("middle"));
        Assert.Equal("middle\nbase\n", File.ReadAllText(Path.Combine(_home, "layers/box")));
        Assert.Empty(Changes("box", "middle"));
        Assert.True(_aufs.GetUsage(Rig.Id("base")).Inodes > 3);
        Assert.Equal(Path.Combine(_home, "diff/box"), _aufs.GetMetadata(Rig.Id("box"))["DiffDir"]);
        _aufs.Remove(Rig.Id("box"));
        Assert.False(_aufs.Exists(Rig.Id("box")));
        Assert.False(File.Exists(Path.Combine(_home, "layers/box")));
        // A list whose branch is gone is no layer, and is swept.
        File.WriteAllText(Path.Combine(_home, "layers/half"), "base\n");
        Assert.False(_aufs.Exists(Rig.Id("half")));
        _aufs.Cleanup();
        Assert.False(File.Exists(Path.Combine(_home, "layers/half")));
    }

    [Theory]
    [InlineData("garbage with spaces\n")]
    [InlineData("../../etc\n")]
    [InlineData("nowhere\n")]
    [InlineData("/etc/passwd\n")]
    public void List_of_parents_that_names_no_layers_is_told(string list)
    {
        File.WriteAllText(Path.Combine(_home, "layers/middle"), list);
        string[] before = Listing(_home);
        foreach (Action use in new Action[] { () => _aufs.Changes(Rig.Id("middle"), Rig.Id("base")), () => _aufs.Get(Rig.Id("middle")), () => _aufs.Create(Rig.Id("new"), Rig.Id("middle")) })
        {
            var e = Assert.ThrowsAny<StrataException>(use);
            Assert.True(e.Kind == ErrorKind.Corrupt, $"{e.Kind}: {e.Message}");
            Assert.Contains("layers/middle", e.Message, StringComparison.Ordinal);
            Assert.Contains("load its image again", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal(before, Listing(_home));
        Assert.NotEmpty(_aufs.GetStatus());
        Assert.Equal(["A /added", "A /by-container", "C /dir", "A /dir/new", "D /dir/old", "D /dir/sub", "C /kept", "D /removed"], Changes("top", "base")); // has a list of its own
        _aufs.Remove(Rig.Id("middle"));
        Assert.False(_aufs.Exists(Rig.Id("middle")));
    }

    [Fact]
    public void Full_disk_is_told_and_leaves_nothing()
    {
        using var scratch = new ScratchDirectory();
        string home = Path.Combine(scratch.MountLoop("disk", "ext4", 16), "home");
        DockerMadeIt(home);
        var aufs = new AufsDriver(home, DriverOptions.None);
        string[] before = Listing(home);
        aufs.Create(Rig.Id("large"), Rig.Id("middle"));
        var e = Assert.ThrowsAny<StrataException>(() => aufs.ApplyDiff(Rig.Id("large"), Rig.Id("middle"), new TarBuilder().File("f", new string('x', 20 << 20)).ToStream()));
        Assert.True(e.Kind == ErrorKind.Exhausted, $"{e.Kind}: {e.Message}");
        aufs.Remove(Rig.Id("large"));
        Assert.Equal(before, Listing(home));
        Assert.Equal(["A /by-container"], aufs.Changes(Rig.Id("top"), Rig.Id("middle")).Select(c => c.ToString()));
    }

    [Fact]
    public void Missing_parent_is_told()
    {
        Trees.TreeRemover.Remove(Path.Combine(_home, "diff/base"));
        var e = Assert.ThrowsAny<StrataException>(() => _aufs.Changes(Rig.Id("top"), Rig.Id("middle")));
        Assert.Equal(ErrorKind.Corrupt, e.Kind);
        Assert.Contains("'base'", e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(_aufs.GetStatus());
        _aufs.Remove(Rig.Id("top"));
        Assert.False(_aufs.Exists(Rig.Id("top")));
    }

    [Fact]
    public void Mount_has_dockers_arguments()
    {
        var mount = Assert.Single(AufsOptions.Make("/h/diff/top", ["/h/diff/a", "/h/diff/b"], false, null, 4096));
        Assert.Equal("aufs none br:/h/diff/top=rw:/h/diff/a=ro+wh:/h/diff/b=ro+wh,dio,xino=/dev/shm/aufs.xino", mount.ToString());
        mount = Assert.Single(AufsOptions.Make("/h/diff/top", ["/h/diff/a"], true, "s0:c1,c2", 4096));
        Assert.Equal("aufs none br:/h/diff/top=ro:/h/diff/a=ro+wh,dio,xino=/dev/shm/aufs.xino,context=\"s0:c1,c2\",ro", mount.ToString());
        Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => AufsOptions.Make("/h:h/diff", ["/a"], false, null, 4096)).Kind);
    }

    /// <summary>What can be known of the driver without mounting it, for the table of features; each cell says so.</summary>
    [Fact]
    public void Features_that_need_no_mount()
    {
        const string onLayouts = " ¹";
        var below = Apply("below", null, new TarBuilder().File("f", new string('x', 1 << 20)).Xattr("user.x", 1).Xattr("trusted.x", 2).File("attributed").Node("null", '3', 1, 3));
        _aufs.CreateReadWrite(Rig.Id("box"), below);
        Note(Feature.FileSystems, "tests of layouts");
        Note(Feature.Mounts, "a mount of " + AufsOptions.Make("/top", ["/below"], false, null, 4096)[0].Type);
        Note(Feature.Shares, YesNo(_aufs.GetUsage(Rig.Id("box")).SizeBytes < 1 << 19));
        Note(Feature.Exact, YesNo(_aufs.Capabilities.ReproducesExactDiffs));
        Note(Feature.Parallel, YesNo(_aufs.Capabilities.AppliesWithoutParent));
        string diff = System.Text.Encoding.Latin1.GetString(Diff("below", null));
        Note(Feature.Xattrs, YesNo(diff.Contains("SCHILY.xattr.user.x=", StringComparison.Ordinal) && diff.Contains("SCHILY.xattr.trusted.x=", StringComparison.Ordinal)));
        Note(Feature.Devices, YesNo(AttributeCalls.FindStatus(Path.Combine(_home, "diff/below/null")) is { Type: NameCalls.TypeCharDevice, RdevMajor: 1, RdevMinor: 3 }));
        var labelled = AufsOptions.Make("/top", ["/below"], false, "a:b:c:s0", 4096)[0];
        Note(Feature.Label, labelled.Options.Any(option => option.Contains("context=", StringComparison.Ordinal)) ? "on the mount" : "refused");
        foreach (var (feature, option) in new[] { (Feature.SizeLimit, "size"), (Feature.InodeLimit, "inodes") })
        {
            var options = new CreateOptions { StorageOptions = new Dictionary<string, string> { [option] = "10000000" } };
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => _aufs.CreateReadWrite(Rig.Id("limited"), below, options)).Kind);
            Note(feature, "no");
        }
        // In a mount it would be a device; overlayfs, by which branches are read here, would take it for a removal.
        new Scene(Path.Combine(_home, "diff/box")).Node("zero", NameCalls.TypeCharDevice | 0x180);
        Assert.Equal(ErrorKind.NotSupported, Assert.ThrowsAny<StrataException>(() => Changes("box", "below")).Kind);
        Note(Feature.Whiteout, "not without aufs");
        // These only a mount would show.
        foreach (string feature in new[] { Feature.LongestName, Feature.RenameDirectory, Feature.ReadOnlyParent })
            Note(feature, "not tried");
        Note(Feature.Replace, YesNo((IDriver)_aufs is ILayerStructure));
        Note(Feature.Rebase, YesNo((IDriver)_aufs is IRebasingDriver));

        static string YesNo(bool value) => value ? "yes" : "no";

        static void Note(string feature, string found) => FeatureTable.Note("aufs", "ext4", feature, found + onLayouts);
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    public void Branches_that_do_not_fit_a_page_are_appended(int page)
    {
        string[] below = [.. Enumerable.Range(0, 300).Select(i => $"/var/lib/docker/aufs/diff/{i:x64}")];
        var mounts = AufsOptions.Make("/var/lib/docker/aufs/diff/top", below, false, null, page);
        Assert.True(mounts.Count > 1);
        Assert.All(mounts, mount => Assert.True(string.Join(',', mount.Options).Length < page));
        // One branch more would not have fitted.
        Assert.True(string.Join(',', mounts[0].Options).Length + below[0].Length + ":=ro+wh".Length >= page);
        Assert.All(mounts.Skip(1), mount => Assert.Equal("remount", mount.Options[0]));
        string[] all = [.. mounts[0].Options[0].Split(':').Skip(2), .. mounts.Skip(1).Select(m => m.Options[1]["append:".Length..])];
        Assert.Equal(below.Select(b => b + "=ro+wh"), all);
    }

    /// <summary>
    /// A store as Docker 1.x left it on a machine with aufs: written down from aufs(5) and from what Docker's driver wrote: lists of parents, branches with
    /// whiteouts that are hard links to aufs's own file, an opaque directory, and aufs's own directories in a branch that was mounted for writing.
    /// </summary>
    private static void DockerMadeIt(string home)
    {
        foreach (string id in new[] { "base", "middle", "top" })
        {
            Directory.CreateDirectory(Path.Combine(home, "diff", id));
            Directory.CreateDirectory(Path.Combine(home, "mnt", id));
        }
        Directory.CreateDirectory(Path.Combine(home, "layers"));
        File.WriteAllText(Path.Combine(home, "layers/base"), "");
        File.WriteAllText(Path.Combine(home, "layers/middle"), "base\n");
        File.WriteAllText(Path.Combine(home, "layers/top"), "middle\nbase\n");
        string low = Path.Combine(home, "diff/base");
        new Scene(low).Dir("dir").File("dir/old", "o").Dir("dir/sub").File("dir/sub/x", "x").File("kept", "k").File("removed", "r");
        string middle = Path.Combine(home, "diff/middle");
        new Scene(middle).File(".wh..wh.aufs", "", 0x124).Dir(".wh..wh.plnk", 0x1C0).Dir(".wh..wh.orph", 0x1C0).Link(".wh.removed", ".wh..wh.aufs")
            .Dir("dir").Link("dir/.wh..wh..opq", ".wh..wh.aufs").File("dir/new", "n").File("kept", "changed").File("added", "a").Link(".wh..wh.plnk/12.34", "added");
        new Scene(Path.Combine(home, "diff/top")).File(".wh..wh.aufs", "", 0x124).Dir(".wh..wh.plnk", 0x1C0).File("by-container", "c");
    }

    /// <summary>What lies there, without the driver's own places and the views of branches.</summary>
    private static string[] Listing(string home) =>
        [.. Directory.GetFileSystemEntries(home, "*", SearchOption.AllDirectories).Where(path => !path[home.Length..].Split('/').Any(part => part is ".tmp" or ".trash" or ".views" or ".mounts")).Order(StringComparer.Ordinal)];

    private LayerId Apply(string id, LayerId? parent, TarBuilder tar)
    {
        _aufs.Create(Rig.Id(id), parent);
        _aufs.ApplyDiff(Rig.Id(id), parent, tar.ToStream());
        return Rig.Id(id);
    }

    private string[] Changes(string id, string parent) => [.. _aufs.Changes(Rig.Id(id), Rig.Id(parent)).Select(c => c.ToString())];

    private byte[] Diff(string id, LayerId? parent)
    {
        using var tar = new MemoryStream();
        _aufs.Diff(Rig.Id(id), parent, tar);
        return tar.ToArray();
    }
}
