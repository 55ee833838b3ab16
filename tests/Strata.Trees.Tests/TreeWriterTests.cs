using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests;

public sealed class TreeWriterTests
{
    private static readonly TestEntry[] EveryKind =
    [
        Directory("", 711, 5, 6),
        Directory("etc", 755),
        File("etc/passwd", "root", 644, 7, 8, new FileTime(-5, 999_999_999), Xattr("trusted.t", "1"), Xattr("user.u", "")),
        File("etc/sudo", "x", 4755, 0, 9),
        File("etc/ping", "p", 755, 3, 0, null, new Xattr("security.capability"u8.ToArray(), Convert.FromHexString("0100000200200000000000000000000000000000"))),
        File("etc/none", "", 0),
        Symlink("etc/link", "../outside/victim", 11, 12, new FileTime(7, 1), Xattr("trusted.s", "2")),
        HardLink("etc/hard", "etc/passwd", 777),
        HardLink("etc/hardlink-of-link", "etc/link", 777),
        Node("dev/null", EntryKind.CharDevice, 666, 1, 3),
        Node("dev/sda", EntryKind.BlockDevice, 660, 8, 300, 0, 6, Xattr("trusted.b", "3")),
        Node("dev/fifo", EntryKind.Fifo, 4622, 0, 0, 4, 5),
        Node("dev/socket", EntryKind.Socket, 600),
        Directory("tmp", 1777, 1, 2, new FileTime(4_102_444_800, 5), Xattr("user.d", "4")),
        Directory("srv", 2775, 0, 50),
        File("srv/in-setgid", "g", 640),
        Directory("srv/below", 700),
    ];

    private const string EveryKindDump =
        """
        / d 0711 5:6 1000000000.123456789
        /dev d 0755 0:0 0.000000000
        /dev/fifo p 04622 4:5 1000000000.123456789
        /dev/null c 0666 0:0 1000000000.123456789 1:3
        /dev/sda b 0660 0:6 1000000000.123456789 8:300 trusted.b=0x33
        /dev/socket s 0600 0:0 1000000000.123456789
        /etc d 0755 0:0 1000000000.123456789
        /etc/hard f 0644 7:8 -5.999999999 4 sha256:4813494d137e trusted.t=0x31 user.u=0x
        /etc/hardlink-of-link l 0777 11:12 7.000000001 -> ../outside/victim trusted.s=0x32
        /etc/link =/etc/hardlink-of-link
        /etc/none f 00 0:0 1000000000.123456789 0 sha256:e3b0c44298fc
        /etc/passwd =/etc/hard
        /etc/ping f 0755 3:0 1000000000.123456789 1 sha256:148de9c5a7a4 security.capability=0x0100000200200000000000000000000000000000
        /etc/sudo f 04755 0:9 1000000000.123456789 1 sha256:2d711642b726
        /srv d 02775 0:50 1000000000.123456789
        /srv/below d 0700 0:0 1000000000.123456789
        /srv/in-setgid f 0640 0:0 1000000000.123456789 1 sha256:cd0aa9856147
        /tmp d 01777 1:2 4102444800.000000005 user.d=0x34
        """;

    [Theory]
    [InlineData(false, 1, 16384)]
    [InlineData(false, 2, 16384)]
    [InlineData(false, 5, 16384)]
    [InlineData(true, 1, 16384)]
    [InlineData(false, 2, 1)] // directories finished early, again and again
    [InlineData(true, 1, 1)]
    public void Every_kind_gets_all_its_attributes(bool populated, int writers, int mostUnfinished)
    {
        using var harness = new WriterHarness(populated) { Writers = writers, MostUnfinished = mostUnfinished };
        harness.Write(EveryKind);
        Assert.Equal(EveryKindDump, TreeDump.Of(harness.Tree));
        harness.AssertConfined();
    }

    [Fact]
    public void Umask_does_not_matter()
    {
        // Under the usual mask of 022 none of these come out of open(2), mkdir(2) and mknod(2) as they are wanted.
        using var harness = new WriterHarness();
        harness.Write(File("open", "", 777), Directory("dir", 777), Node("fifo", EntryKind.Fifo, 666));
        Assert.Equal(["/dir d 0777", "/fifo p 0666", "/open f 0777"], harness.Dump().Split('\n').Select(l => string.Join(' ', l.Split(' ')[..3])));
    }

    [Fact]
    public void A_root_that_is_not_listed_keeps_its_attributes()
    {
        using var harness = new WriterHarness();
        Commands.Run("chmod", "750", harness.Tree);
        Commands.Run("touch", "-d", "@77", harness.Tree);
        harness.Write(File("a", "1"), File("b/c", "2"));
        Assert.Equal("/ d 0750 0:0 77.000000000", TreeDump.Lines(harness.Tree)[0]);
    }

    [Fact]
    public void Implied_directories_look_as_those_below()
    {
        var lower = Directory("usr/lib", 2711, 3, 4, new FileTime(5, 6), Xattr("user.x", "y")).Entry;
        using var harness = new WriterHarness { LowerDirectory = path => path == lower.Path ? lower : null };
        harness.Write(File("usr/lib/a", "1"));
        Assert.Equal(
            """
            /usr d 0755 0:0 0.000000000
            /usr/lib d 02711 3:4 5.000000006 user.x=0x79
            /usr/lib/a f 0644 0:0 1000000000.123456789 1 sha256:6b86b273ff34
            """,
            harness.Dump(times: true));
    }

    [Fact]
    public void A_directory_listed_after_its_children_gets_its_own_attributes()
    {
        using var harness = new WriterHarness();
        harness.Write(File("a/b/c", "1"), Directory("a/b", 700, 1, 2), Directory("a", 711, 3, 4));
        Assert.Equal(
            """
            /a d 0711 3:4 1000000000.123456789
            /a/b d 0700 1:2 1000000000.123456789
            /a/b/c f 0644 0:0 1000000000.123456789 1 sha256:6b86b273ff34
            """,
            harness.Dump(times: true));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Large_and_sparse_files_are_whole(bool populated)
    {
        byte[] large = new byte[3_000_000];
        new Random(1).NextBytes(large);
        using var harness = new WriterHarness(populated) { Observes = true };
        harness.Write(
            File("small-before", "s"), File("large", large), File("small-after", "s"),
            Sparse("sparse", 1L << 33, "headtail"u8.ToArray(), new DataExtent(0, 4), new DataExtent((1L << 33) - 4, 4)),
            Sparse("hole", 1 << 20, []));
        Assert.Equal(large, System.IO.File.ReadAllBytes(Path.Combine(harness.Tree, "large")));
        using var sparse = System.IO.File.OpenRead(Path.Combine(harness.Tree, "sparse"));
        Assert.Equal(1L << 33, sparse.Length);
        sparse.Position = sparse.Length - 5;
        byte[] end = new byte[5];
        sparse.ReadExactly(end);
        Assert.Equal("\0tail"u8.ToArray(), end);
        Assert.Equal(1 << 20, new FileInfo(Path.Combine(harness.Tree, "hole")).Length);
    }

    [Fact]
    public void Parallel_and_serial_writing_make_the_same_tree()
    {
        var random = new Random(42);
        var entries = new List<TestEntry> { Directory("") };
        for (int i = 0; i < 1500; i++)
        {
            string path = $"d{random.Next(30)}/e{random.Next(5)}/f{random.Next(60)}";
            entries.Add(random.Next(12) switch
            {
                0 => Directory(path[..path.LastIndexOf('/')], 700 + random.Next(8), (uint)random.Next(3)),
                1 => Symlink(path, "../x" + i),
                2 => Node(path, EntryKind.Fifo, 600),
                3 => Directory(path, 755),
                4 => File(path, new byte[200_000 + random.Next(5)]),
                _ => File(path, "content " + i, 644, (uint)random.Next(3)),
            });
        }
        using var serial = new WriterHarness { Writers = 1, Observes = true, Marks = true };
        using var parallel = new WriterHarness { Writers = 4, Observes = true, Marks = true };
        using var early = new WriterHarness { Writers = 3, Observes = true, Marks = true, MostUnfinished = 7 };
        serial.Write([.. entries]);
        parallel.Write([.. entries]);
        early.Write([.. entries]);
        Assert.Equal(TreeDump.Of(serial.Tree), TreeDump.Of(parallel.Tree));
        Assert.Equal(TreeDump.Of(serial.Tree), TreeDump.Of(early.Tree));
    }
}
