using System.Text;
using Strata.Drivers.Zfs;
using Strata.Linux;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <summary>
/// What <c>zfs diff</c> tells, read without zfs: snapshots of btrfs stand for clones, since they have the inode numbers of their origin, too, and the lines are made
/// by walking both trees, in the forms of zfs-diff(8). zfs-fuse has no such command.
/// </summary>
public sealed class ZfsScopeTests(FileSystems fileSystems)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Places_that_are_told_are_all_that_differ(int seed)
    {
        using var rig = new Rig("btrfs", fileSystems.Of("btrfs"));
        var random = new Random(seed);
        rig.Make("below", null, s => BtrfsOnlyTests.Grow(s, random, 200));
        rig.Driver.CreateReadWrite(Rig.Id("top"), Rig.Id("below"));
        string below = rig.Driver.Get(Rig.Id("below")), top = rig.Driver.Get(Rig.Id("top"));
        BtrfsOnlyTests.Shuffle(top, random, 40, links: false);
        var names = new Scene(top);
        names.Dir("a b").File("a b/back\\slash", "x").File("a b/\u00e4\n\t(+1)", "y");

        var scope = new ZfsScope();
        Assert.True(scope.TryAdd(Lines(below, top), top, top, below));
        using var oldTree = RootDirectory.Open(below);
        using var newTree = RootDirectory.Open(top);
        string[] scoped = List(oldTree, newTree, scope);
        Assert.NotEmpty(scoped);
        Assert.Equal(List(oldTree, newTree, null), scoped);
        // It is believed: what is not told is not looked at.
        File.WriteAllText(Path.Combine(top, Directory.EnumerateFiles(top).Select(Path.GetFileName).First(name => !scoped.Contains($"A /{name}") && !scoped.Contains($"C /{name}"))!), "not told of");
        Assert.Equal(scoped, List(oldTree, newTree, scope));
    }

    [Theory]
    [InlineData("M\t/elsewhere/f")] // not below the mount point
    [InlineData("M\t/top2/f")]
    [InlineData("?\t/top/f")]
    [InlineData("R\t/top/f")]
    [InlineData("M\t/top/f\tmore")]
    [InlineData("M /top/f")] // not told by tabs
    [InlineData("M\t/top/a\\0b")] // no such form
    [InlineData("M\t/top/a\\0999")]
    [InlineData("M\t/top/a\\07777777")]
    [InlineData("M\t/top/linked")] // one of two names
    [InlineData("M\t/top/linked\t(+1)")]
    [InlineData("M\t/top/g\t(-1)")] // it had two
    [InlineData("")]
    public void What_is_not_understood_or_not_enough_says_nothing(string line)
    {
        string around = fileSystems.Of("ext4").NewDirectory();
        foreach (string tree in new[] { "top", "below" })
            new Scene(Directory.CreateDirectory(Path.Combine(around, tree)).FullName).File("f").File("linked");
        new Scene(Path.Combine(around, "top")).Link("other", "linked").File("g");
        new Scene(Path.Combine(around, "below")).File("g").Link("h", "g");
        Assert.False(new ZfsScope().TryAdd([line.Replace("/top", around + "/top", StringComparison.Ordinal)], around + "/top", around + "/top", around + "/below"));
        TreeRemover.Remove(around);
    }

    private static string[] List(RootDirectory oldTree, RootDirectory newTree, ITreeScope? scope) =>
        [.. TreeSource.List(new TreeComparer(oldTree, newTree, new TreeCompareOptions { Scope = scope }), default).Select(c => c.ToString())];

    /// <summary>What <c>zfs diff -H</c> prints of two trees without hard links: by inode numbers, as it does.</summary>
    private static List<string> Lines(string below, string top)
    {
        var (before, now) = (Inodes(below), Inodes(top));
        var lines = new List<string>();
        foreach (var (inode, (name, status)) in now.Where(n => !before.ContainsKey(n.Key) || !SameFile(before[n.Key].Status, n.Value.Status)))
            lines.Add("+\t" + Escaped(top + name));
        foreach (var (inode, (name, status)) in before.Where(n => !now.ContainsKey(n.Key) || !SameFile(now[n.Key].Status, n.Value.Status)))
            lines.Add("-\t" + Escaped(top + name));
        foreach (var (inode, (name, status)) in now.Where(n => before.TryGetValue(n.Key, out var old) && SameFile(old.Status, n.Value.Status)))
        {
            var old = before[inode];
            if (old.Name != name)
                lines.Add($"R\t{Escaped(top + old.Name)}\t{Escaped(top + name)}");
            else if (old.Status.Ctime != status.Ctime)
                lines.Add("M\t" + Escaped(top + name));
        }
        lines.Add("M\t" + Escaped(top + "/"));
        return lines;
    }

    /// <summary>An inode number that another file had before is another file's.</summary>
    private static bool SameFile(FileStatus a, FileStatus b) => a.Type == b.Type;

    private static Dictionary<ulong, (string Name, FileStatus Status)> Inodes(string tree) =>
        Directory.EnumerateFileSystemEntries(tree, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .ToDictionary(path => AttributeCalls.FindStatus(path)!.Value.Inode, path => (path[tree.Length..], AttributeCalls.FindStatus(path)!.Value));

    private static string Escaped(string path) =>
        string.Concat(Encoding.UTF8.GetBytes(path).Select(b => b is > 32 and < 127 and not (byte)'\\' ? ((char)b).ToString() : "\\" + Convert.ToString(b, 8).PadLeft(4, '0')));
}
