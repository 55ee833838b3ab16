using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests;

public sealed class TreeWriterFailureTests
{
    public static TheoryData<string, int> FullDisks => new()
    {
        { "size=200k,nr_inodes=1000", 2 },
        { "size=200k,nr_inodes=1000", 1 },
        { "nr_inodes=20", 2 },
        { "nr_inodes=20", 1 },
    };

    [Theory]
    [MemberData(nameof(FullDisks))]
    public void A_full_disk_ends_the_layer(string options, int writers)
    {
        foreach (bool populated in new[] { false, true })
        {
            using var harness = new WriterHarness(populated) { Writers = writers };
            harness.Tree = harness.Scratch.MountTmpfs("small", options);
            var entries = Enumerable.Range(0, 3000).Select(i => File($"d{i % 7}/f{i}", new byte[4000]));
            var error = Assert.ThrowsAny<StrataException>(() => harness.Write([.. entries]));
            Assert.Equal(ErrorKind.Exhausted, error.Kind);
            Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
            Assert.Contains("/d", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_full_disk_ends_a_large_file()
    {
        using var harness = new WriterHarness();
        harness.Tree = harness.Scratch.MountTmpfs("small", "size=300k");
        var error = Assert.ThrowsAny<StrataException>(() => harness.Write(File("large", new byte[1_000_000])));
        Assert.Equal(ErrorKind.Exhausted, error.Kind);
    }

    [Fact]
    public void The_first_error_comes_up_again_and_disposing_ends_the_threads()
    {
        using var harness = new WriterHarness();
        harness.Tree = harness.Scratch.MountTmpfs("small", "nr_inodes=4");
        using var root = RootDirectory.Open(harness.Tree);
        var writer = new TreeWriter(root, harness.Options());
        Assert.ThrowsAny<StrataException>(() =>
        {
            for (int i = 0; i < 10_000; i++)
                writer.Write(File("f" + i, "x").Entry, File("f" + i, "x").Content, i);
        });
        Assert.ThrowsAny<StrataException>(writer.Complete);
        writer.Dispose();
        writer.Dispose();
        Assert.Equal(3, System.IO.Directory.GetFiles(harness.Tree).Length);
    }

    [Fact]
    public void Content_that_fails_leaves_nothing_running()
    {
        using var harness = new WriterHarness();
        using var root = RootDirectory.Open(harness.Tree);
        using (var writer = new TreeWriter(root, harness.Options()))
        {
            writer.Write(File("a", "x").Entry, File("a", "x").Content, 0);
            Assert.Throws<StrataException>(() => writer.Write(File("b", new byte[100]).Entry, new BrokenContent(100), 1));
            Assert.Throws<StrataException>(() => writer.Write(File("c", new byte[900_000]).Entry, new BrokenContent(900_000), 2));
        }
        Assert.DoesNotContain("/b", TreeDump.Paths(harness.Tree));
    }

    [Fact]
    public void No_descriptor_is_left_open()
    {
        int before = System.IO.Directory.GetFiles("/proc/self/fd").Length;
        for (int round = 0; round < 3; round++)
        {
            using var harness = new WriterHarness { Observes = true };
            var entries = Enumerable.Range(0, 2000).Select(i => File($"d{i}/f", "x"));
            harness.Write([.. entries, File("d5", "a file now"), Symlink("d6", "d7"), File("d6/g", "1")]);
        }
        // Other tests run beside this one and hold some of their own.
        Assert.InRange(System.IO.Directory.GetFiles("/proc/self/fd").Length, 0, before + 200);
    }

    [Fact]
    public void Deep_paths_do_not_cost_a_call_for_each_component()
    {
        using var harness = new WriterHarness();
        string deep = string.Join('/', Enumerable.Repeat("d", 1000));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        harness.Write([.. Enumerable.Range(0, 10_000).Select(i => File($"{deep}/{i}/f"))]);
        // Walking from the root for each entry would be ten million look-ups of up to a thousand components each.
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 60);
    }

    private sealed class BrokenContent(long size) : EntryContent
    {
        private int _calls;

        public override long SizeBytes => size;

        public override ReadOnlySpan<byte> ReadChunk(int maxBytes) =>
            _calls++ == 0 ? new byte[10] : throw StrataException.Corrupt("The tar ended.");
    }
}
