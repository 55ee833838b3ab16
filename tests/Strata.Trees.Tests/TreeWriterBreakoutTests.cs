using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests;

/// <summary>
/// Published breakouts as typed entries (names with <c>..</c> never become entries). <c>outside</c> stands beside the tree; nothing in it may change,
/// and everything that is written is found inside.
/// </summary>
public sealed class TreeWriterBreakoutTests
{
    public static TheoryData<string, bool> Cases()
    {
        var cases = new TheoryData<string, bool>();
        foreach (string name in Layers("/outside").Keys)
        {
            cases.Add(name, false);
            cases.Add(name, true);
        }
        return cases;
    }

    private static Dictionary<string, (TestEntry[] Entries, string Expected)> Layers(string outside) => new()
    {
        ["absolute link, then a file through it"] = ([Symlink("x", outside), File("x/victim", "evil")], outside + "/victim"),
        ["relative link up and out (CVE-2014-6407)"] = ([Symlink("x", "../../outside"), File("x/victim", "evil")], "/outside/victim"),
        ["link of links"] = ([Symlink("a", "../outside"), Symlink("b", "a"), Symlink("c", "/b"), File("c/victim", "evil")], "/outside/victim"),
        ["link in a directory"] = ([Directory("d"), Symlink("d/x", "../../../../outside"), File("d/x/y/victim", "evil")], "/outside/y/victim"),
        ["hard link through a link"] = ([Symlink("x", "../outside"), File("x/victim", "evil"), HardLink("h", "x/victim")], "/h"),
        ["hard link to a link, mode through it (CVE-2021-32760)"] =
            ([Symlink("s", outside + "/victim"), HardLink("h", "s", 7777), File("f", "x")], "/h"),
        ["hard link to a link, then a file over it"] = ([Symlink("s", outside + "/victim"), HardLink("h", "s"), File("h", "evil")], "/h"),
        ["file over a link (not through it)"] = ([Symlink("s", outside + "/victim"), File("s", "evil")], "/s"),
        ["directory over a link"] = ([Symlink("s", outside), Directory("s", 700), File("s/victim", "evil")], "/s/victim"),
        ["link over the directory of cached parents (CVE-2025-47290)"] =
            ([Directory("foo"), File("foo/tmp/f", "1"), Symlink("foo", outside), File("foo/tmp/f", "evil")], outside + "/tmp/f"),
        ["link turned after use"] = ([Directory("in"), Symlink("s", "in"), File("s/1", "1"), Symlink("s", outside), File("s/victim", "evil")], outside + "/victim"),
        ["device through a link"] = ([Symlink("x", outside), Node("x/victim", EntryKind.Fifo)], outside + "/victim"),
        ["directory attributes through a link"] = ([Symlink("x", ".."), Directory("x/outside", 777, 5, 5)], "/outside"),
        ["proc magic"] = ([Symlink("x", "/proc/self/cwd"), File("x/victim", "evil")], "/proc/self/cwd/victim"),
        ["link to itself as its own root"] = ([Symlink("x", "/"), File("x/victim", "evil")], "/victim"),
        ["dangling link chain"] = ([Symlink("x", "y"), Symlink("y", "z/../z"), File("x/victim", "evil")], "/z/victim"),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_reaches_outside(string name, bool populated)
    {
        using var harness = new WriterHarness(populated) { Observes = true };
        var (entries, expected) = Layers(harness.Outside)[name];
        harness.Write(entries);
        harness.AssertConfined();
        Assert.Contains(expected, TreeDump.Paths(harness.Tree));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Links_in_a_circle_are_refused(bool populated)
    {
        using var harness = new WriterHarness(populated);
        var error = Assert.Throws<StrataException>(() => harness.Write(Symlink("a", "b"), Symlink("b", "a"), File("a/x", "1")));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("too many symbolic links", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_root_that_is_a_link_is_refused()
    {
        using var harness = new WriterHarness();
        var error = Assert.Throws<StrataException>(() => harness.Write(Symlink("", harness.Outside)));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    public static TheoryData<string, string> BadHardLinks => new()
    {
        { "h", "nothing" },
        { "h", "no/where/at/all" },
        { "h", "dir" },
        { "dir", "dir/f" },
        { "dir/f", "dir/f" },
        { "h", "out/victim" },
        { "h", "dir/f/below-a-file" },
    };

    [Theory]
    [MemberData(nameof(BadHardLinks))]
    public void Hard_links_to_nothing_are_refused(string link, string target)
    {
        foreach (bool populated in new[] { false, true })
        {
            using var harness = new WriterHarness(populated);
            var error = Assert.Throws<StrataException>(
                () => harness.Write(Directory("dir"), File("dir/f", "1"), Symlink("out", "../outside"), HardLink(link, target)));
            Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
            Assert.Contains("The layer was refused", error.Message, StringComparison.Ordinal);
            harness.AssertConfined();
        }
    }

    [Fact]
    public void Links_of_layers_below_are_replaced_not_followed()
    {
        using var harness = new WriterHarness(populated: true);
        Commands.Run("ln", "-s", harness.Outside, Path.Combine(harness.Tree, "lower"));
        Commands.Run("ln", "-s", "/", Path.Combine(harness.Tree, "root"));
        System.IO.File.WriteAllText(Path.Combine(harness.Tree, "file"), "lower file");
        harness.Write(File("lower/victim", "1"), Directory("root/etc"), File("file/below", "2"));
        harness.AssertConfined();
        Assert.Equal(["/", "/file", "/file/below", "/lower", "/lower/victim", "/root", "/root/etc"], TreeDump.Paths(harness.Tree));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Names_are_bytes(bool populated)
    {
        byte[] ugly = [0xFF, 0xC0, 0x80, (byte)'\n', (byte)'\\', (byte)'"', 1];
        byte[] longest = Enumerable.Repeat((byte)0xFE, 255).ToArray();
        using var harness = new WriterHarness(populated);
        using (var root = RootDirectory.Open(harness.Tree))
        using (var writer = new TreeWriter(root, harness.Options()))
        {
            var directory = EntryPath.Root.Child(ugly);
            writer.Write(new LayerEntry { Path = directory, Kind = EntryKind.Directory, Mode = 0x1C0 }, EntryContent.Empty, 0);
            writer.Write(new LayerEntry { Path = directory.Child(longest), Kind = EntryKind.Symlink, LinkTarget = ugly }, EntryContent.Empty, 1);
            writer.Complete();
        }
        Assert.Equal(2, harness.Dump().Split('\n').Length);
        Assert.Contains(string.Concat(Enumerable.Repeat("\\xfe", 255)) + " l 0777 0:0 -> \\xff\\xc0\\x80\\x0a\\\\\"\\x01", harness.Dump(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_name_that_is_too_long_is_the_layers_fault(bool populated)
    {
        using var harness = new WriterHarness(populated);
        var error = Assert.ThrowsAny<StrataException>(() => harness.Write(File(new string('n', 256))));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Paths_of_any_depth_are_written(bool populated)
    {
        using var harness = new WriterHarness(populated);
        string deep = string.Join('/', Enumerable.Repeat("deep", 4096));
        string wide = string.Join('/', Enumerable.Repeat(new string('w', 255), 60));
        harness.Write(File(deep + "/f", "1"), Directory(deep, 700), File(deep + "/g", "2"), HardLink("h", deep + "/f"), File(wide + "/f", "3"), File(deep, "4"));
        // The last entry replaced the deepest directory by a file; its content lives on as the hard link.
        string[] files = Commands.Run("find", harness.Tree, "-type", "f", "-printf", "%d %s\\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["1 1", "4096 1", "61 1"], files.Order(StringComparer.Ordinal));
    }
}
