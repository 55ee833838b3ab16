using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests;

/// <summary>An entry over an earlier one of the same layer. The harness checks that every replaced content is found again.</summary>
public sealed class TreeWriterReplacementTests
{
    private static readonly Dictionary<string, Func<string, TestEntry[]>> Makers = new()
    {
        ["file"] = name => [File(name, "file " + Guid.NewGuid())],
        ["large"] = name => [File(name, new byte[300_000])],
        ["empty"] = name => [File(name)],
        ["dir"] = name => [Directory(name, 700)],
        ["full"] = name => [Directory(name, 750), File(name + "/f", "below " + Guid.NewGuid()), File(name + "/g/h", "deep")],
        ["implied"] = name => [File(name + "/i", "implied " + Guid.NewGuid())],
        ["link"] = name => [Symlink(name, "elsewhere")],
        ["fifo"] = name => [Node(name, EntryKind.Fifo)],
        ["hard"] = name => [HardLink(name, "target")],
    };

    public static TheoryData<string, string> Pairs()
    {
        var pairs = new TheoryData<string, string>();
        foreach (string first in Makers.Keys)
        {
            foreach (string second in Makers.Keys)
                pairs.Add(first, second);
        }
        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void The_later_entry_wins(string first, string second)
    {
        TestEntry[] entries = [Directory("d"), File("target", "t"), .. Makers[first]("d/x"), .. Makers[second]("d/x")];
        // Alone, unless directories merge or an implied one goes through the link that came before.
        bool firstIsDirectory = first is "dir" or "full" or "implied";
        bool secondIsDirectory = second is "dir" or "full" or "implied";
        TestEntry[] alone = firstIsDirectory && secondIsDirectory || (first == "link" && second == "implied")
            ? entries
            : [Directory("d"), File("target", "t"), .. entries.Skip(entries.Length - Makers[second]("").Length)];
        using var expected = new WriterHarness { Writers = 1 };
        expected.Write(alone);
        foreach (bool populated in new[] { false, true })
        {
            for (int i = 0; i < 2; i++) // once more: threads
            {
                using var harness = new WriterHarness(populated) { Observes = true };
                harness.Write(entries);
                Assert.Equal(expected.Dump(times: true), harness.Dump(times: true));
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Many_replacements_of_one_name_keep_every_content(bool populated)
    {
        using var harness = new WriterHarness(populated) { Observes = true };
        var entries = new List<TestEntry>();
        for (int i = 0; i < 40; i++)
            entries.AddRange(Makers[new[] { "file", "full", "link", "file", "implied", "large", "dir" }[i % 7]]("a/x"));
        harness.Write([.. entries.Where(e => !e.Entry.Path.ToString().StartsWith("/a/elsewhere", StringComparison.Ordinal))]);
        Assert.True(harness.Displacements.Count > 20);
    }

    [Fact]
    public void Without_an_observer_nothing_is_kept()
    {
        using var harness = new WriterHarness();
        harness.Write(File("x", "1"), File("x", "2"), Directory("x"), File("x", "3"));
        Assert.False(System.IO.Directory.Exists(harness.Displaced));
        Assert.Equal("3", System.IO.File.ReadAllText(Path.Combine(harness.Tree, "x")));
    }

    [Fact]
    public void A_directory_listed_twice_has_the_last_attributes_only()
    {
        using var harness = new WriterHarness();
        harness.Write(
            Directory("d", 2777, 1, 1, null, Xattr("user.old", "1"), AccessList.Default), File("d/f", "x"),
            Directory("d", 700, 2, 2, new FileTime(9, 9)));
        Assert.StartsWith("/d d 0700 2:2 9.000000009\n/d/f f 0644 0:0 ", harness.Dump(times: true), StringComparison.Ordinal);
    }

    [Fact]
    public void A_default_access_list_is_not_passed_on()
    {
        foreach (bool populated in new[] { false, true })
        {
            using var harness = new WriterHarness(populated) { MostUnfinished = 2 };
            harness.Write(
                Directory("d", 755, 0, 0, null, AccessList.Default), File("d/f", "x", 640), Directory("d/e", 750), Node("d/p", EntryKind.Fifo, 620), File("e/f"), File("g/f"),
                File("d/later", "x", 640));
            Assert.Equal(
                ["/d d 0755 system.posix_acl_default", "/d/e d 0750", "/d/f f 0640", "/d/later f 0640", "/d/p p 0620"],
                harness.Dump().Split('\n').Where(l => l.StartsWith("/d", StringComparison.Ordinal)).Select(AccessList.Shorten));
        }
    }

    [Fact]
    public void A_link_that_directories_were_reached_through_can_be_turned()
    {
        using var harness = new WriterHarness { Observes = true };
        harness.Write(
            Directory("a"), Directory("b"), Symlink("s", "a"), File("s/one", "1"), Symlink("s", "b"), File("s/two", "2"), File("s/one", "3"),
            File("s", "now a file"), Directory("s"), File("s/four", "4"));
        Assert.Equal(["/", "/a", "/a/one", "/b", "/b/one", "/b/two", "/s", "/s/four"], TreeDump.Paths(harness.Tree));
    }

    [Fact]
    public void Attributes_of_a_replaced_directory_do_not_reach_through_a_link()
    {
        using var harness = new WriterHarness();
        harness.Write(Directory("etc/sub", 755), Directory("a"), Directory("a/sub", 4700, 9, 9), Symlink("a", "etc"));
        Assert.Contains("/etc/sub d 0755 0:0", harness.Dump(), StringComparison.Ordinal);
    }
}
