using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests;

/// <summary>Whiteouts and opaque directories: in a tree of the layer's own as marks, over the layers below as removals, in any order.</summary>
public sealed class TreeWriterMarkTests
{
    private const string Opaque = " trusted.overlay.opaque=0x79";

    public static TheoryData<string, string[], string> Layers => new()
    {
        { "whiteout", ["wh x"], "/x c 00 0:0 0:0" },
        { "whiteout in an implied directory", ["wh a/b/x"], "/a d 0755 0:0\n/a/b d 0755 0:0\n/a/b/x c 00 0:0 0:0" },
        { "whiteout and file", ["wh x", "file x"], "/x f" },
        { "whiteout and directory", ["wh x", "dir x"], "/x d 0755 0:0" + Opaque },
        { "whiteout and implied directory", ["wh x", "file x/f"], $"/x d 0755 0:0{Opaque}\n/x/f f" },
        { "whiteout and link", ["wh x", "link x"], "/x l 0777 0:0 -> t" },
        { "whiteout and directory with children", ["wh x", "dir x", "file x/f"], $"/x d 0755 0:0{Opaque}\n/x/f f" },
        { "opaque alone", ["opq x"], "/x d 0755 0:0" + Opaque },
        { "opaque and listed", ["opq x", "dir x"], "/x d 0755 0:0" + Opaque },
        { "opaque and child", ["opq x", "file x/f"], $"/x d 0755 0:0{Opaque}\n/x/f f" },
        { "opaque deep", ["opq a/b", "file a/b/c/f"], $"/a d 0755 0:0\n/a/b d 0755 0:0{Opaque}\n/a/b/c d 0755 0:0\n/a/b/c/f f" },
        // No device beside the mark: overlayfs would list its name in a directory that merges with nothing.
        { "opaque, whiteout in it and child", ["opq x", "wh x/y", "file x/f"], $"/x d 0755 0:0{Opaque}\n/x/f f" },
        { "whiteouts twice", ["wh x", "wh x"], "/x c 00 0:0 0:0" },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Marks_do_not_depend_on_order(string name, string[] entries, string expected)
    {
        Assert.NotEmpty(name);
        foreach (var order in Permutations(entries))
        {
            using var harness = new WriterHarness { Marks = true };
            harness.Write([.. order.Select(Parse)]);
            Assert.Equal(expected, string.Join('\n', harness.Dump().Split('\n').Select(l => l.Contains(" f ", StringComparison.Ordinal) ? l[..(l.IndexOf(" f ", StringComparison.Ordinal) + 2)] : l)));
        }
    }

    [Theory]
    [InlineData("file x", "dir x")]
    [InlineData("link x", "dir x")]
    [InlineData("file x", "file x/f")]
    public void A_directory_over_what_hid_the_layers_below_hides_them_too(string first, string second)
    {
        for (int i = 0; i < 20; i++) // the first may be made before or after the second
        {
            using var harness = new WriterHarness { Marks = true };
            harness.Write(Parse(first), Parse(first.StartsWith("link", StringComparison.Ordinal) ? "dir x" : second));
            Assert.StartsWith("/x d 0755 0:0" + Opaque, harness.Dump(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_mark_survives_a_second_listing_of_its_directory()
    {
        using var harness = new WriterHarness { Marks = true };
        harness.Write(Directory("x", 755, 0, 0, null, Xattr("user.a", "1")), OpaqueMark("x"), Directory("x", 700));
        Assert.Equal("/x d 0700 0:0" + Opaque, harness.Dump());
    }

    [Fact]
    public void The_root_can_be_opaque()
    {
        using var harness = new WriterHarness { Marks = true };
        harness.Write(OpaqueMark(""), Directory("", 755), File("f"));
        Assert.EndsWith(Opaque, TreeDump.Lines(harness.Tree, times: false)[0], StringComparison.Ordinal);
    }

    public static TheoryData<string[], string> Removals => new()
    {
        { ["wh x"], "/keep /other /other/o" },
        { ["wh x/a"], "/keep /other /other/o /x /x/b /x/b/c" },
        { ["wh x/b/c", "wh keep"], "/other /other/o /x /x/a /x/b" },
        { ["wh not/there"], "/keep /not /other /other/o /x /x/a /x/b /x/b/c" },
        { ["wh x", "file x/new"], "/keep /other /other/o /x /x/new" },
        { ["wh x", "file x/b/new"], "/keep /other /other/o /x /x/b /x/b/new" },
        { ["wh x", "dir x"], "/keep /other /other/o /x" },
        { ["wh x", "file x"], "/keep /other /other/o /x" },
        { ["opq x"], "/keep /other /other/o /x" },
        { ["opq x", "file x/b/new", "file x/z"], "/keep /other /other/o /x /x/b /x/b/new /x/z" },
        { ["opq ", "file x/b/new"], "/x /x/b /x/b/new" },
        { ["opq x/b", "wh x/a", "dir x"], "/keep /other /other/o /x /x/b" },
    };

    [Theory]
    [MemberData(nameof(Removals))]
    public void Over_the_layers_below_marks_remove(string[] entries, string expected)
    {
        foreach (var order in Permutations(entries))
        {
            using var harness = new WriterHarness(populated: true);
            Populate(harness.Tree);
            harness.Write([.. order.Select(Parse)]);
            Assert.Equal(expected, string.Join(' ', TreeDump.Paths(harness.Tree).Skip(1)));
        }
    }

    [Fact]
    public void Directories_below_keep_all_their_attributes()
    {
        using var harness = new WriterHarness(populated: true) { MostUnfinished = 2 };
        Populate(harness.Tree);
        var before = TreeDump.Lines(harness.Tree).Where(l => l.Contains(" d ", StringComparison.Ordinal)).ToArray();
        harness.Write(Whiteout("x/a"), File("x/b/new"), HardLink("x/b/hard", "keep"), Symlink("top", "x"), File("other/1"), File("x/b/new"), OpaqueMark("other"));
        Assert.Equal(before, TreeDump.Lines(harness.Tree).Where(l => l.Contains(" d ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_directory_listed_over_one_below_replaces_its_attributes()
    {
        using var harness = new WriterHarness(populated: true);
        Populate(harness.Tree);
        harness.Write(Directory("x", 700, 8, 9), Directory("x/b", 751, 1, 1, null, Xattr("user.new", "1")));
        Assert.Contains("/x d 0700 8:9 1000000000.123456789", TreeDump.Lines(harness.Tree));
        Assert.Contains("/x/b d 0751 1:1 1000000000.123456789 user.new=0x31", TreeDump.Lines(harness.Tree));
    }

    [Fact]
    public void Only_what_this_layer_wrote_is_set_aside()
    {
        using var harness = new WriterHarness(populated: true) { Observes = true };
        Populate(harness.Tree);
        harness.Write(File("keep", "1"), File("keep", "2"), File("x", "3"), Directory("x"), Directory("other"), File("other/o", "4"), File("other", "5"));
        Assert.Equal(["keep@1", "x@3", "other@6"], harness.Displacements.Select(d => $"{d.Path.ToString()[1..]}@{d.At}"));
    }

    [Fact]
    public void A_hard_link_to_a_file_below_brings_it_up_once()
    {
        int asked = 0;
        WriterHarness? own = null;
        using var harness = own = new WriterHarness
        {
            Marks = true,
            BringUp = path =>
            {
                asked++;
                System.IO.File.WriteAllText(Path.Combine(own!.Tree, "etc/low"), "from below");
                return path == EntryPath.Of("etc/low");
            },
        };
        harness.Write(HardLink("h1", "etc/low"), HardLink("d/h2", "etc/low"));
        Assert.Equal(1, asked);
        Assert.Equal(["/", "/d", "/d/h2", "/etc", "/etc/low", "/h1"], TreeDump.Paths(harness.Tree));
        Assert.Equal("3", Commands.Run("stat", "-c", "%h", Path.Combine(harness.Tree, "h1")).Trim());
    }

    private static void Populate(string tree)
    {
        Commands.Run(
            "sh", "-c",
            $"""
            cd {tree} && mkdir -p x/b other && touch keep x/a x/b/c other/o && setfattr -n user.old -v 1 x x/b && chown 3:4 x && chmod 2775 x &&
            chown 5:6 other && touch -d @11 x x/b other && touch -d @12 .
            """);
    }

    private static TestEntry OpaqueMark(string path) => TestEntry.Opaque(path);

    private static TestEntry Parse(string text)
    {
        string path = text[(text.IndexOf(' ', StringComparison.Ordinal) + 1)..];
        return text.Split(' ')[0] switch
        {
            "wh" => Whiteout(path),
            "opq" => TestEntry.Opaque(path),
            "dir" => Directory(path),
            "link" => Symlink(path, "t"),
            _ => File(path, "content"),
        };
    }

    private static IEnumerable<string[]> Permutations(string[] items)
    {
        if (items.Length < 2)
            return [items];
        return items.SelectMany((item, i) => Permutations([.. items[..i], .. items[(i + 1)..]]).Select(rest => (string[])[item, .. rest]));
    }
}
