using System.Text;
using Strata.Drivers.Btrfs;
using Strata.Linux;
using Strata.Testing;

namespace Strata.Drivers.Tests;

/// <summary>What only the btrfs driver has: subvolumes, quotas, and differences found in what btrfs wrote.</summary>
public sealed class BtrfsOnlyTests(FileSystems fileSystems) : IDisposable
{
    private readonly Rig _rig = new("btrfs", fileSystems.Of("btrfs"));

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_changes_are_what_walking_both_trees_finds(int seed)
    {
        var random = new Random(seed);
        var below = _rig.Make("below", null, s => Grow(s, random, 300));
        _rig.Driver.CreateReadWrite(Rig.Id("middle"), below);
        _rig.Use(Rig.Id("middle"), root => Shuffle(root, random, 60));
        _rig.Driver.CreateReadWrite(Rig.Id("top"), Rig.Id("middle"));
        for (int round = 0; round < 3; round++)
        {
            _rig.Use(Rig.Id("top"), root => Shuffle(root, random, 25));
            SameAsNaive(Rig.Id("top"), Rig.Id("middle"));
            SameAsNaive(Rig.Id("top"), below);
        }
        SameAsNaive(Rig.Id("middle"), below);
        // In the other direction nothing is known, and walking serves.
        Assert.Equal(Naive().Changes(below, Rig.Id("top")).Select(c => c.ToString()), _rig.Changes(below, Rig.Id("top")));
    }

    [Fact]
    public void What_was_written_at_the_same_moment_is_found()
    {
        // The kernel's clock moves every few milliseconds: a file that is written before and after a snapshot in one tick keeps its time.
        _rig.Driver.Create(Rig.Id("below"), null);
        string below = _rig.Driver.Get(Rig.Id("below"));
        for (int i = 0; i < 50; i++)
            File.WriteAllText(Path.Combine(below, $"f{i}"), "x");
        _rig.Driver.Create(Rig.Id("top"), Rig.Id("below"));
        string top = _rig.Driver.Get(Rig.Id("top"));
        for (int i = 0; i < 50; i++)
            File.AppendAllText(Path.Combine(top, $"f{i}"), "y");
        Assert.Equal(50, _rig.Changes(Rig.Id("top"), Rig.Id("below")).Length);
    }

    [Fact]
    public void Names_attributes_and_links_of_directories_are_seen_as_walking_sees_them()
    {
        var below = _rig.Make("below", null, s =>
        {
            foreach (string d in new[] { "read/deep", "mode", "mine", "large", "plain", "swapped", "other", "gone/in", "file-now", "moved/kept", "labelled" })
                s.Dir(d).File(d + "/f", "x").File(d + "/g", "y");
            s.File("linked", "l").Link("read/second", "linked").Link("plain/third", "linked").File("directory-now");
            s.Xattr("labelled", "user.label", new byte[20]);
            s.Xattr("large", "user.large", new byte[6000]);
        });
        _rig.Driver.CreateReadWrite(Rig.Id("box"), below);
        _rig.Use(Rig.Id("box"), root =>
        {
            string P(string name) => Path.Combine(root, name);
            Commands.Run("find", root, "-type", "f", "-exec", "cat", "{}", "+"); // access times
            File.SetUnixFileMode(P("mode"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
            new Scene(root).Xattr("mine", "user.new", 1);
            File.Delete(P("large/f"));
            File.WriteAllText(P("labelled/new"), "n");
            File.WriteAllText(P("plain/new"), "n");
            File.Delete(P("plain/third"));
            Do(NameCalls.TryLink(FileCalls.CurrentDirectory, Bytes(P("plain/g")), FileCalls.CurrentDirectory, Bytes(P("plain/g2"))));
            foreach (var (from, to) in new[] { ("swapped/f", "t"), ("other/f", "swapped/f"), ("t", "other/f"), ("swapped", "t"), ("other", "swapped"), ("t", "other"), ("moved/kept", "read/deep/kept") })
                Directory.Move(P(from), P(to));
            Directory.Delete(P("gone"), recursive: true);
            Directory.Delete(P("file-now"), recursive: true);
            File.WriteAllText(P("file-now"), "f");
            File.Delete(P("directory-now"));
            Directory.CreateDirectory(P("directory-now/in"));
            // The same name and content again, as if nothing had been.
            File.Move(P("read/deep/f"), P("read/deep/t"));
            File.Move(P("read/deep/t"), P("read/deep/f"));
            return 0;
        });
        SameAsNaive(Rig.Id("box"), below);
        Assert.DoesNotContain("C /read/deep/f", _rig.Changes(Rig.Id("box"), below));
    }

    [Fact]
    public void File_that_has_the_number_of_one_that_was_removed_is_another()
    {
        // A subvolume that is used for the first time goes on behind its greatest inode number: that of the file removed last.
        var below = _rig.Make("below", null, s => s.Dir("d").File("d/last", "x"));
        ulong number = AttributeCalls.FindStatus(Path.Combine(_rig.Driver.Get(below), "d/last"))!.Value.Inode;
        _rig.Make("middle", below, s => File.Delete(s["d/last"]));
        _rig.Make("top", Rig.Id("middle"), s => s.File("d/last", "longer"));
        Assert.Equal(number, AttributeCalls.FindStatus(Path.Combine(_rig.Driver.Get(Rig.Id("top")), "d/last"))!.Value.Inode);
        SameAsNaive(Rig.Id("top"), below);
        Assert.Equal(["C /d", "C /d/last"], _rig.Changes(Rig.Id("top"), below));
    }

    [Fact]
    public void Large_tree_is_read_in_parts()
    {
        var random = new Random(7);
        var below = _rig.Make("below", null, s => Grow(s, random, 5000));
        _rig.Driver.CreateReadWrite(Rig.Id("box"), below);
        _rig.Use(Rig.Id("box"), root =>
        {
            string[] files = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
            for (int i = 0; i < files.Length; i += 50)
            {
                if (i % 3 == 0)
                    File.Delete(files[i]);
                else
                    File.AppendAllText(files[i], "more");
                File.WriteAllText(files[i] + ".new", "n");
            }
            return 0;
        });
        SameAsNaive(Rig.Id("box"), below);
    }

    [Fact]
    public void Layer_with_children_is_read_only()
    {
        var below = _rig.Make("below", null, s => s.File("f", "x"));
        _rig.Driver.Create(Rig.Id("top"), below);
        string root = _rig.Driver.Get(below);
        Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Combine(root, "g"), ""));
        Assert.Equal("ro=true", Commands.Run("btrfs", "property", "get", root, "ro").Trim());
        _rig.Driver.Remove(Rig.Id("top"));
        _rig.Driver.Remove(below);
        Assert.Empty(_rig.Driver.List());
    }

    [Fact]
    public void Parent_that_was_made_writable_and_changed_is_seen_as_it_is()
    {
        // As in a store that Docker made, whose layers are all writable.
        var below = _rig.Make("below", null, s => s.File("f", "x").Dir("d").File("d/kept", "k").File("d/gone", "g"));
        _rig.Make("top", below, s => s.File("new", "n"));
        string root = _rig.Driver.Get(below);
        Commands.Run("btrfs", "property", "set", root, "ro", "false");
        File.WriteAllText(Path.Combine(root, "f"), "changed below");
        File.Delete(Path.Combine(root, "d/gone"));
        File.WriteAllText(Path.Combine(root, "d/more"), "m");
        SameAsNaive(Rig.Id("top"), below);
        Assert.Contains("D /d/more", _rig.Changes(Rig.Id("top"), below));
    }

    [Fact]
    public void Subvolumes_inside_a_layer_belong_to_it()
    {
        var below = _rig.Make("below", null, s => s.Dir("var").File("f", "x"));
        _rig.Driver.CreateReadWrite(Rig.Id("box"), below);
        string root = _rig.Driver.Get(Rig.Id("box"));
        Commands.Run("btrfs", "subvolume", "create", Path.Combine(root, "var/inner"));
        Commands.Run("btrfs", "subvolume", "create", Path.Combine(root, "var/inner/innermost"));
        File.WriteAllText(Path.Combine(root, "var/inner/innermost/file"), "deep");
        Commands.Run("btrfs", "subvolume", "snapshot", "-r", Path.Combine(root, "var/inner"), Path.Combine(root, "snap"));
        string[] changes = _rig.Changes(Rig.Id("box"), below);
        Assert.Contains("A /var/inner/innermost/file", changes);
        Assert.Equal(Naive().Changes(Rig.Id("box"), below).Select(c => c.ToString()), changes);
        // A layer on top of it shows all of it.
        _rig.Driver.Create(Rig.Id("over"), Rig.Id("box"));
        Assert.Equal("deep", File.ReadAllText(Path.Combine(_rig.Driver.Get(Rig.Id("over")), "var/inner/innermost/file")));
        Assert.Empty(_rig.Changes(Rig.Id("over"), Rig.Id("box")));
        _rig.Driver.Remove(Rig.Id("over"));
        _rig.Driver.Remove(Rig.Id("box"));
        _rig.Driver.Remove(below);
        Assert.DoesNotContain(Path.GetFileName(_rig.Outside), Commands.Run("btrfs", "subvolume", "list", _rig.Home), StringComparison.Ordinal);
    }

    [Fact]
    public void Comparing_leaves_nothing_and_reads_what_changed_only()
    {
        var below = _rig.Make("below", null, s => Grow(s, new Random(5), 200));
        _rig.Make("top", below, s => s.File("new", "n"));
        using (var difference = BtrfsDifference.Open(Path.Combine(_rig.Home, "subvolumes"), Path.Combine(_rig.Home, ".tmp"), Rig.Id("top"), below, false, default))
        {
            Assert.True(difference.IsNative);
            Assert.Equal(["A /new"], TreeSource.List(difference.Comparer, default).Select(c => c.ToString()));
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_rig.Home, ".tmp")));
        var usage = _rig.Driver.GetUsage(Rig.Id("top"));
        Assert.Equal(2, usage.Inodes);
    }

    [Fact]
    public void Sizes_are_limited_and_the_least_is_kept()
    {
        // On a file system of its own: quotas cost all others something.
        using var fileSystem = LoopFileSystem.Create("btrfs");
        using (var rig = new Rig("btrfs", fileSystem, "btrfs.min_space=1m"))
        {
            var below = rig.Make("below", null, s => File.WriteAllBytes(s["image"], Noise(8 << 20)));
            foreach (string wrong in new[] { "512k", "0", "-1", "much" })
                Refused(() => rig.Driver.CreateReadWrite(Rig.Id("box"), below, Size(wrong)));
            Refused(() => rig.Driver.Create(Rig.Id("box"), below, Size("4m")));
            rig.Driver.CreateReadWrite(Rig.Id("box"), below, Size("4m"));
            Assert.Equal((4 << 20).ToString(System.Globalization.CultureInfo.InvariantCulture), rig.Driver.GetMetadata(Rig.Id("box"))["Size"]);
            string root = rig.Driver.Get(Rig.Id("box"));
            File.WriteAllBytes(Path.Combine(root, "fits"), Noise(2 << 20));
            rig.Driver.Sync();
            var e = Assert.ThrowsAny<IOException>(() => File.WriteAllBytes(Path.Combine(root, "too-much"), Noise(8 << 20)));
            Assert.True(e.HResult is (int)Errno.EDQUOT or (int)Errno.ENOSPC, e.Message);
            Assert.Equal(2 << 20, new FileInfo(Path.Combine(root, "fits")).Length);
            rig.Driver.Remove(Rig.Id("box"));
            rig.Driver.CreateReadWrite(Rig.Id("free"), below);
            File.WriteAllBytes(Path.Combine(rig.Driver.Get(Rig.Id("free")), "more"), Noise(8 << 20));
            Assert.Contains(rig.Driver.GetStatus(), item => item is { Key: "Quota", Value: "full" });
        }
        static void Refused(Action call) => Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(call).Kind);
        static CreateOptions Size(string text) => new() { StorageOptions = new Dictionary<string, string> { ["size"] = text } };
    }

    [Fact]
    public void Store_that_docker_made_is_read()
    {
        // Docker's own: subvolumes without any of our files, all writable.
        string subvolumes = Path.Combine(_rig.Home, "subvolumes");
        string one = new('a', 64), two = new('b', 64);
        Commands.Run("btrfs", "subvolume", "create", Path.Combine(subvolumes, one));
        File.WriteAllText(Path.Combine(subvolumes, one, "f"), "x");
        Commands.Run("btrfs", "subvolume", "snapshot", Path.Combine(subvolumes, one), Path.Combine(subvolumes, two));
        File.WriteAllText(Path.Combine(subvolumes, two, "g"), "y");
        Assert.Equal([one, two], _rig.Driver.List().Select(l => l.ToString()).Order());
        Assert.Equal(["A /g"], _rig.Changes(Rig.Id(two), Rig.Id(one)));
        _rig.Driver.Remove(Rig.Id(two));
        _rig.Driver.Remove(Rig.Id(one));
    }

    private static byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private NaiveDiffDriver Naive() => new(_rig.Driver);

    private void SameAsNaive(LayerId id, LayerId parent)
    {
        using (var difference = BtrfsDifference.Open(Path.Combine(_rig.Home, "subvolumes"), Path.Combine(_rig.Home, ".tmp"), id, parent, false, default))
            Assert.True(difference.IsNative);
        Assert.Equal(Naive().Changes(id, parent).Select(c => c.ToString()), _rig.Changes(id, parent));
        using var naive = new MemoryStream();
        Naive().Diff(id, parent, naive);
        Assert.True(naive.ToArray().AsSpan().SequenceEqual(_rig.Diff(id, parent)), "the tars differ");
    }

    internal static void Grow(Scene scene, Random random, int count)
    {
        var directories = new List<string> { "" };
        for (int i = 0; i < count; i++)
        {
            string path = Path.Combine(directories[random.Next(directories.Count)], $"n{i}");
            switch (random.Next(6))
            {
                case 0:
                    scene.Dir(path);
                    directories.Add(path);
                    break;
                case 1:
                    scene.Symlink(path, "target");
                    break;
                default:
                    scene.File(path, new string('c', random.Next(5000)));
                    break;
            }
        }
    }

    /// <summary>Does things to a tree at random: writes, attributes, links, moves of files and of whole directories, removals.</summary>
    internal static int Shuffle(string root, Random random, int count, bool links = true)
    {
        for (int i = 0; i < count; i++)
        {
            string[] all = Directory.EnumerateFileSystemEntries(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Order(StringComparer.Ordinal).ToArray();
            string[] directories = [root, .. all.Where(p => Directory.Exists(p) && new FileInfo(p).LinkTarget is null)];
            string[] files = all.Where(p => File.Exists(p) && new FileInfo(p).LinkTarget is null).ToArray();
            string directory = directories[random.Next(directories.Length)];
            string file = files[random.Next(files.Length)];
            string other = Path.Combine(directory, $"x{i}-{random.Next(1_000_000)}");
            switch (random.Next(12))
            {
                case 0: File.AppendAllText(file, "more"); break;
                case 1: File.WriteAllText(other, "new"); break;
                case 2: Directory.CreateDirectory(Path.Combine(other, "in")); break;
                case 3: File.Delete(file); break;
                case 4: File.Move(file, other); break;
                case 5 when links: Do(NameCalls.TryLink(FileCalls.CurrentDirectory, Bytes(file), FileCalls.CurrentDirectory, Bytes(other))); break;
                case 6: Do(AttributeCalls.TryChmodAt(FileCalls.CurrentDirectory, Bytes(all[random.Next(all.Length)] is var any && new FileInfo(any).LinkTarget is null ? any : file), 0x1C0 + random.Next(64))); break;
                case 7: Do(XattrCalls.TrySetAt(FileCalls.CurrentDirectory, Bytes(random.Next(3) == 0 && directory != root ? directory : file), "user.x"u8, [(byte)random.Next(256)])); break;
                case 8: File.CreateSymbolicLink(other, "elsewhere"); break;
                case 9 when directory != root:
                    // A directory goes elsewhere with all that is in it.
                    string target = directories[random.Next(directories.Length)];
                    if (target != directory && !target.StartsWith(directory + "/", StringComparison.Ordinal))
                        Directory.Move(directory, Path.Combine(target, $"moved{i}-{random.Next(1_000_000)}"));
                    break;
                case 10 when directory != root && random.Next(4) == 0: Directory.Delete(directory, recursive: true); break;
                default:
                    // Another one takes the name.
                    File.Delete(file);
                    File.WriteAllText(file, "replaced");
                    break;
            }
            if (Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Count() < 10)
                File.WriteAllText(Path.Combine(root, $"again{i}"), "x");
        }
        return 0;
    }

    private static byte[] Bytes(string path) => Encoding.UTF8.GetBytes(path);

    private static void Do(Errno errno) => Assert.Equal(Errno.None, errno);
}
