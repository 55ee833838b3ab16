using Strata.Formats.Erofs;

namespace Strata.Formats.Tests.Erofs;

/// <summary>Images whose bytes never change unless somebody means it.</summary>
public sealed class ErofsGoldenTests
{
    private const string Dump =
        """
        superblock block=512 blocks=6 inodes=11 root=16 metadata=2 xattrs=2 time=0.000000000 uuid=01234567-89ab-cdef-0123-456789abcdef name='golden' compatible=0x3 incompatible=0xc
        device 1 blocks=2048 mapped=6 tag='device1'
        device 2 blocks=2048 mapped=2054 tag='device2'
        / d 0755 1:2 -5.999999999 130 nid=16 links=4 extended inline 0+130@0:1620 user.x=0x31
        /!before\x20dot p 0755 0:0 0.000000000 0 nid=42 links=1 compact
        /bin d 0755 0:0 0.000000000 66 nid=48 links=2 compact inline 0+66@0:2592
        /bin/a f 04755 0:5 7.000000008 600 nid=26 links=1 extended chunks 0+600@1:16384 security.capability=0x0100000200200000000000000000000000000000
        /bin/b f 04755 0:5 7.000000008 600 nid=31 links=1 extended chunks 0+600@1:24576 security.capability=0x0100000200200000000000000000000000000000
        /bin/c f 04755 0:5 7.000000008 600 nid=34 links=1 extended chunks 0+600@1:32768 security.capability=0x0100000200200000000000000000000000000000
        /etc d 0755 0:0 0.000000000 63 nid=44 links=2 compact inline 0+63@0:2464
        /etc/passwd f 0755 0:0 0.000000000 1200 nid=24 links=2 compact chunks 0+1200@1:4096
        /etc/shadow f 0755 0:0 0.000000000 1200 nid=24 links=2 compact chunks
        /link l 0755 0:0 0.000000000 10 nid=40 links=1 compact inline 0+10@0:2336 -> etc/passwd
        /null c 0755 0:0 0.000000000 1:259 nid=43 links=1 compact
        /sparse f 0755 0:0 0.000000000 17000 nid=37 links=1 compact chunks 4096+4096@2:0 16384+616@1:8192
        """;

    private static Tree Sample()
    {
        var capability = new Xattr("security.capability"u8.ToArray(), [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Tree Capable(string name, long block) => new(name, EntryKind.RegularFile)
        {
            Attributes = new(0x9ED, 0, 5, new FileTime(7, 8), [capability]),
            SizeBytes = 600,
            Extents = [new ErofsExtent(0, 600, 1, block << 12)],
        };
        var passwd = new Tree("passwd", EntryKind.RegularFile) { SizeBytes = 1200, Extents = [new ErofsExtent(0, 1200, 1, 4096)] };
        return new Tree("", EntryKind.Directory)
        {
            Attributes = new(0x1ED, 1, 2, new FileTime(-5, 999_999_999), [new Xattr("user.x"u8.ToArray(), "1"u8.ToArray())]),
            Children =
            [
                new Tree("etc", EntryKind.Directory) { Children = [passwd, new Tree("shadow", EntryKind.RegularFile) { LinkTo = passwd }] },
                new Tree("bin", EntryKind.Directory) { Children = [Capable("a", 4), Capable("b", 6), Capable("c", 8)] },
                new Tree("sparse", EntryKind.RegularFile) { SizeBytes = 17_000, Extents = [new ErofsExtent(4096, 4096, 2, 0), new ErofsExtent(16_384, 616, 1, 8192)] },
                new Tree("link", EntryKind.Symlink) { Target = "etc/passwd"u8.ToArray() },
                new Tree("!before dot", EntryKind.Fifo),
                new Tree("null", EntryKind.CharDevice) { Major = 1, Minor = 259 },
            ],
        };
    }

    [Theory]
    [InlineData(9, "3451b56a34ad328fccc8e8db37b3ba4cec084b9ccd2f89da04e52cd28069570f")]
    [InlineData(12, "e3efe4bee026772104ad371474d81f57ce4aec36875d32ae4b3fbea170a62c91")]
    public void The_bytes_are_the_same_for_ever(int blockBits, string digest)
    {
        byte[] image = Tree.Write(Sample(), Options(blockBits), deviceBytes: 1 << 20);
        Assert.Equal(digest, Tree.Digest(image));
    }

    [Fact]
    public void The_dump_shows_everything()
    {
        var output = new StringWriter { NewLine = "\n" };
        ErofsDump.Write(new ErofsReader(new MemoryStream(Tree.Write(Sample(), Options(9), deviceBytes: 1 << 20))), output);
        Assert.Equal(Dump + "\n", output.ToString());
    }

    private static ErofsWriterOptions Options(int blockBits) => new()
    {
        BlockBits = blockBits,
        Devices = 2,
        Uuid = new Guid("01234567-89ab-cdef-0123-456789abcdef"),
        VolumeName = "golden"u8.ToArray(),
    };
}
