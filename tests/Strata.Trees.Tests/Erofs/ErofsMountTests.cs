using System.Text;
using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests.Erofs;

/// <summary>The kernel mounts what we write, file-backed, and sees what the disk's own file system shows of the same tree.</summary>
public sealed class ErofsMountTests
{
    private static readonly FileTime Build = new(5, 6);

    internal static TestEntry[] Everything()
    {
        byte[] noise = new byte[3_000_017];
        new Random(7).NextBytes(noise);
        var entries = new List<TestEntry>
        {
            Directory("", 711, 5, 6, new FileTime(9, 1), [AccessList.Default, Xattr("trusted.r", "root"), Xattr("user.r", new string('r', 300))]),
            Directory("etc", 755, 0, 0, Build),
            File("etc/passwd", "root", 644, 7, 8, new FileTime(-5, 999_999_999), Xattr("trusted.t", "1"), Xattr("user.u", "")),
            File("etc/sudo", "x", 4755, 0, 9, Build),
            File("etc/ping", "p", 755, 3, 0, null, new Xattr("security.capability"u8.ToArray(), Convert.FromHexString("0100000200200000000000000000000000000000"))),
            File("etc/ping6", "p", 755, 3, 0, null, new Xattr("security.capability"u8.ToArray(), Convert.FromHexString("0100000200200000000000000000000000000000"))),
            File("etc/ping7", "p", 755, 3, 0, null, new Xattr("security.capability"u8.ToArray(), Convert.FromHexString("0100000200200000000000000000000000000000"))),
            File("etc/none", "", 0),
            File("etc/owned", "big", 600, 4_000_000_000, 4_294_967_294, new FileTime(10_000_000_000, 1)),
            File("etc/before", "1901", 600, 65536, 65535, new FileTime(-2_147_483_648, 0)),
            Symlink("etc/link", "../outside/victim", 11, 12, new FileTime(7, 1), Xattr("trusted.s", "2")),
            Symlink("etc/long", new string('t', 450)),
            Symlink("etc/longest", string.Concat(Enumerable.Repeat("0123456789abcde/", 255)) + "end"),
            HardLink("etc/hard", "etc/passwd"),
            HardLink("etc/hardlink-of-link", "etc/link"),
            Directory("dev", 755),
            Node("dev/null", EntryKind.CharDevice, 666, 1, 3),
            Node("dev/sda", EntryKind.BlockDevice, 660, 8, 300, 0, 6, Xattr("trusted.b", "3")),
            Node("dev/far", EntryKind.BlockDevice, 660, 4095, 1048575),
            Node("dev/fifo", EntryKind.Fifo, 4622, 0, 0, 4, 5),
            Node("dev/socket", EntryKind.Socket, 600),
            Node("dev/whiteout", EntryKind.CharDevice, 0, 0, 0),
            HardLink("dev/second", "etc/passwd"),
            Directory("tmp", 1777, 1, 2, new FileTime(4_102_444_800, 5), Xattr("user.d", "4"), Xattr("trusted.overlay.opaque", "y")),
            Directory("srv", 2775, 0, 50, null, [AccessList.Default]),
            Directory("srv/empty", 700, 0, 0, Build),
            Directory("data", 755),
            File("data/one", noise[..1]),
            File("data/block", noise[..4096]),
            File("data/block+1", noise[..4097]),
            File("data/large", noise),
            Sparse("data/sparse", 10_000_000, noise[..20_480], new DataExtent(8192, 4096), new DataExtent(4_096_000, 16_384)),
            Sparse("data/tail", 1_000_001, noise[..577], new DataExtent(999_424, 577)),
            Sparse("data/hole", 20_000_000, []),
            Directory("many", 755),
            Directory("names", 755),
        };
        for (int i = 0; i < 5_000; i++)
            entries.Add(File($"many/name-{i * 7919 % 5000}", i.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        for (int i = 1; i <= 255; i++)
            entries.Add(Symlink("names/" + new string((char)('!' + (i % 13)), i), "x"));
        for (int i = 0; i < 40; i++)
        {
            entries.Add(Directory($"dir{i}", 755, 0, 0, Build, [.. Enumerable.Range(0, i % 7).Select(n => Xattr($"user.n{n}", new string('v', i * 3)))]));
            for (int k = 0; k < i; k++)
                entries.Add(Symlink($"dir{i}/{new string('n', k + 1)}", new string('t', i * 9)));
        }
        entries.Add(File("data/attributes", "x", 644, 0, 0, null, [.. Enumerable.Range(10, 20).Select(n => Xattr($"user.many{n}", new string('w', n)))]));
        return [.. entries];
    }

    [Theory]
    [InlineData(9, 2)]
    [InlineData(10, 1)]
    [InlineData(12, 2)]
    [InlineData(12, 5)]
    [InlineData(9, 300)]
    public void Everything_looks_the_same_as_on_disk(int blockBits, int devices)
    {
        Skip();
        var entries = Everything();
        using var rig = new ErofsRig(blockBits, devices, Build);
        rig.WriteImage(entries);
        string expected = rig.DumpOnDisk(entries);
        Assert.Equal(expected, rig.DumpMounted());
        Assert.Equal(expected, rig.DumpRead());
    }

    [Fact]
    public void Erofs_utils_find_nothing_wrong()
    {
        var entries = Everything();
        using var rig = new ErofsRig(12, 2, Build);
        rig.WriteImage(entries);
        rig.Check("fsck.erofs", "--extract");
        Assert.Contains("sb_csum mtime chunked_file device_table", rig.Check("dump.erofs", "-s"));
        Assert.Contains("Links: 3", rig.Check("dump.erofs", "--path=/etc/hard"));
    }

    /// <summary>Images of Debian's erofs-utils 1.5: data in blocks, behind the inode, in chunks, in chunks of another device.</summary>
    [Theory]
    [InlineData("-E", "noinline_data")]
    [InlineData("-x", "1")]
    [InlineData("-x", "-1")]
    [InlineData("--chunksize=4096", "-E", "force-inode-extended")]
    [InlineData("--chunksize=65536", "-E", "force-chunk-indexes")]
    [InlineData("--chunksize=4096", "--blobdev")]
    public void What_erofs_utils_write_is_read(params string[] arguments)
    {
        Skip();
        Assert.SkipUnless(System.IO.File.Exists("/usr/bin/mkfs.erofs"), "mkfs.erofs (Debian: erofs-utils) is missing");
        // 1.5 reads all chunks of sparse files, and fails at names of 255 bytes.
        var entries = Everything().Where(e => e.Entry.SizeBytes < 9_000_000 && e.Entry.Path.Name.Length < 255 && !e.Entry.Path.Bytes.StartsWith("many/name-1"u8)).ToArray();
        using var rig = new ErofsRig(12, arguments.Contains("--blobdev") ? 1 : 0);
        string expected = rig.DumpOnDisk(entries);
        string[] all = [.. arguments.Select(a => a == "--blobdev" ? "--blobdev=" + rig.DevicePath(1) : a), rig.ImagePath, rig.TreePath];
        Commands.Run("mkfs.erofs", all);
        bool bare = arguments.Contains("-1");
        Assert.Equal(bare ? ReaderDump.WithoutXattrs(expected) : expected, rig.DumpRead());
    }

    [Fact]
    public void A_file_of_more_than_4_gigabytes_has_its_size_and_its_ends()
    {
        Skip();
        using var rig = new ErofsRig(9, 1);
        rig.WriteSparseDevice(6L << 30, "first"u8, "last"u8);
        string huge = Path.Combine(rig.Mounted, "huge");
        rig.Mount();
        Assert.Equal(6L << 30, new FileInfo(huge).Length);
        using var file = System.IO.File.OpenRead(huge);
        byte[] ends = new byte[9];
        file.ReadExactly(ends, 0, 5);
        file.Position = (6L << 30) - 4;
        file.ReadExactly(ends, 5, 4);
        Assert.Equal("firstlast"u8.ToArray(), ends);
    }

    internal static void Skip() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting needs root");
}
