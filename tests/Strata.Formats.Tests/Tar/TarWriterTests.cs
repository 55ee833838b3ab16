using System.Security.Cryptography;
using System.Text;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>What the writer writes, and what it refuses.</summary>
public class TarWriterTests
{
    internal static byte[] Write(params (TarEntry Entry, byte[] Content)[] entries)
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            foreach (var (entry, content) in entries)
                writer.Write(entry, new BytesContent(content, chunkBytes: 5000));
            writer.WriteEnd();
        }
        return tar.ToArray();
    }

    internal static TarEntry File(string name, long size = 0, FileTime mtime = default) =>
        new() { Name = TarBytes.Raw(name), Type = TarEntryType.RegularFile, Mode = 0x1A4, SizeBytes = size, Mtime = mtime };

    [Fact]
    public void A_plain_entry_is_one_ustar_header()
    {
        byte[] tar = Write((new TarEntry
        {
            Name = "dir/file"u8.ToArray(),
            Type = TarEntryType.RegularFile,
            Mode = 0x9ED,
            Uid = 2097151,
            Gid = 8,
            SizeBytes = 5,
            Mtime = new FileTime(8589934591, 0),
        }, "hello"u8.ToArray()));
        byte[] expected = new TarBytes()
            .Entry("dir/file", "hello", mode: 0x9ED, uid: 2097151, gid: 8, mtime: 8589934591, magic: "ustar\0" + "00", change: block =>
            {
                TarBytes.Put(block, 329, "0000000\0", 8);
                TarBytes.Put(block, 337, "0000000\0", 8);
            })
            .End();
        Assert.Equal(expected, tar);
    }

    [Fact]
    public void Records_are_written_only_where_they_are_needed_and_in_a_fixed_order()
    {
        byte[] tar = Write((new TarEntry
        {
            Name = TarBytes.Raw(new string('n', 101)),
            Type = TarEntryType.Symlink,
            LinkName = TarBytes.Raw(new string('t', 101)),
            Mode = 0x1FF,
            Uid = 2097152,
            Gid = 4294967294,
            Mtime = new FileTime(-2, 500_000_000),
            Xattrs = [new("user.a"u8.ToArray(), [0, 10]), new("user.b"u8.ToArray(), [])],
        }, []));
        string records =
            $"111 path={new string('n', 101)}\n115 linkpath={new string('t', 101)}\n15 uid=2097152\n18 gid=4294967294\n14 mtime=-1.5\n"
            + "26 SCHILY.xattr.user.a=\0\n\n24 SCHILY.xattr.user.b=\n";
        Assert.Equal("././@PaxHeader", Encoding.Latin1.GetString(tar, 0, 14));
        Assert.Equal('x', (char)tar[156]);
        Assert.Equal(TarBytes.Octal(records.Length, 11), Encoding.Latin1.GetString(tar, 124, 11));
        Assert.Equal(records, Encoding.Latin1.GetString(tar, 512, records.Length));
        Assert.Equal(512 * 3 + 1024, tar.Length);
    }

    [Theory]
    [InlineData(100, false)] // the name field, whole
    [InlineData(256, false)] // prefix and name, whole
    [InlineData(257, true)]
    public void Long_names_are_split_where_they_can_be(int length, bool extended)
    {
        string name = length == 100 ? new string('n', 100) : new string('p', 155) + "/" + new string('n', length - 156);
        byte[] tar = Write((File(name), []));
        Assert.Equal(extended, tar[156] == (byte)'x');
        Assert.Equal(name, TarListing.One(tar).Name);
    }

    [Theory]
    [InlineData(150, 1)]
    [InlineData(99, 99)]
    [InlineData(1, 101)]
    [InlineData(155, 100)]
    [InlineData(156, 1)]
    public void Directories_with_long_names_keep_their_slash(int front, int back)
    {
        string name = new string('a', front) + "/" + new string('b', back) + "/";
        byte[] tar = Write((new TarEntry { Name = TarBytes.Raw(name), Type = TarEntryType.Directory }, []));
        Assert.Equal(name, TarListing.One(tar).Name);
    }

    [Fact]
    public void Names_that_are_not_UTF8_are_declared_binary_in_records()
    {
        byte[] longName = Write((File("\xe9" + new string('n', 300)), []));
        Assert.Equal("21 hdrcharset=BINARY\n", Encoding.Latin1.GetString(longName, 512, 21));
        byte[] shortName = Write((File("\xe9"), []));
        Assert.Equal((byte)'0', shortName[156]);
        byte[] text = Write((File(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(new string('é', 200)))), []));
        Assert.Equal("410 path=", Encoding.Latin1.GetString(text, 512, 9));
    }

    [Fact]
    public void Sizes_beyond_8_GiB_are_a_record()
    {
        const long Size = (8L << 30) + 3;
        var counter = new CountingStream();
        using (var writer = new TarWriter(counter))
        {
            writer.Write(File("big", Size), new ZerosContent(Size));
            writer.WriteEnd();
        }
        Assert.Equal(512 * 3 + ((Size + 511) / 512 * 512) + 1024, counter.Written);
        Assert.Equal("19 size=8589934595\n", Encoding.Latin1.GetString(counter.First, 512, 19));
    }

    [Fact]
    public void Sparse_content_is_written_in_full()
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            writer.Write(File("s", 200_000), new BytesContent("abcdefgh"u8.ToArray(), 3, [new(100_000, 5), new(199_990, 3)], 200_000));
            writer.WriteEnd();
        }
        var read = TarListing.One(tar.ToArray());
        Assert.Null(read.Entry.Extents);
        byte[] expected = new byte[200_000];
        "abcde"u8.CopyTo(expected.AsSpan(100_000));
        "fgh"u8.CopyTo(expected.AsSpan(199_990));
        Assert.Equal(expected, read.Content);
    }

    [Fact]
    public void What_only_names_something_is_written_without_size_link_or_device_it_does_not_have()
    {
        byte[] tar = Write(
            (new TarEntry { Name = "l"u8.ToArray(), Type = TarEntryType.HardLink, LinkName = "f"u8.ToArray(), SizeBytes = 77, DeviceMajor = 3 }, []),
            (new TarEntry { Name = "d/"u8.ToArray(), Type = TarEntryType.Directory, LinkName = "junk"u8.ToArray(), SizeBytes = 77 }, []),
            (new TarEntry { Name = "c"u8.ToArray(), Type = TarEntryType.CharDevice, DeviceMajor = 4095, DeviceMinor = 1048575 }, []));
        byte[] clean = Write(
            (new TarEntry { Name = "l"u8.ToArray(), Type = TarEntryType.HardLink, LinkName = "f"u8.ToArray() }, []),
            (new TarEntry { Name = "d/"u8.ToArray(), Type = TarEntryType.Directory }, []),
            (new TarEntry { Name = "c"u8.ToArray(), Type = TarEntryType.CharDevice, DeviceMajor = 4095, DeviceMinor = 1048575 }, []));
        Assert.Equal(clean, tar);
        Assert.EndsWith("c 4095:1048575", TarListing.Lines(tar)[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, ErrorKind.Corrupt)]
    [InlineData(6, ErrorKind.Corrupt)]
    public void Content_that_is_not_as_long_as_told_is_an_error_that_the_writer_does_not_get_over(int told, ErrorKind kind)
    {
        using var writer = new TarWriter(new MemoryStream());
        var error = Assert.Throws<StrataException>(() => writer.Write(File("dir/file", told), new BytesContent("hello"u8.ToArray())));
        Assert.Equal(kind, error.Kind);
        Assert.Contains("dir/file", error.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(writer.WriteEnd).Kind);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(() => writer.Write(File("a"), EntryContent.Empty)).Kind);
    }

    public static TheoryData<long, long> BadExtents => new() { { 8, 3 }, { -1, 5 }, { 4, -1 }, { long.MaxValue, 5 } };

    [Theory]
    [MemberData(nameof(BadExtents))]
    public void Extents_beyond_the_size_are_an_error(long offset, long length)
    {
        using var writer = new TarWriter(new MemoryStream());
        var error = Assert.Throws<StrataException>(() => writer.Write(File("f", 10), new BytesContent(new byte[5], extents: [new(offset, length)], sizeBytes: 10)));
        Assert.Equal(ErrorKind.Corrupt, error.Kind);
    }

    [Fact]
    public void Overlapping_extents_are_an_error()
    {
        using var writer = new TarWriter(new MemoryStream());
        Assert.Throws<StrataException>(() => writer.Write(File("f", 10), new BytesContent(new byte[6], extents: [new(0, 3), new(2, 3)], sizeBytes: 10)));
    }

    public static TheoryData<string> Refused => [.. RefusedEntries.Keys];

    private static readonly Dictionary<string, (ErrorKind Kind, TarEntry Entry)> RefusedEntries = new()
    {
        ["no name"] = (ErrorKind.InvalidArgument, File("")),
        ["NUL in the name"] = (ErrorKind.InvalidArgument, File("a\0b")),
        ["regular file with a slash"] = (ErrorKind.InvalidArgument, File("a/")),
        ["no target"] = (ErrorKind.InvalidArgument, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.Symlink }),
        ["NUL in the target"] = (ErrorKind.InvalidArgument, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.HardLink, LinkName = "b\0"u8.ToArray() }),
        ["socket"] = (ErrorKind.InvalidArgument, new TarEntry { Name = "a"u8.ToArray(), Type = (TarEntryType)'s' }),
        ["negative size"] = (ErrorKind.InvalidArgument, File("a", -1)),
        ["uid that means none"] = (ErrorKind.InvalidArgument, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.Fifo, Uid = uint.MaxValue }),
        ["gid that means none"] = (ErrorKind.InvalidArgument, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.Fifo, Gid = uint.MaxValue }),
        ["nanoseconds"] = (ErrorKind.InvalidArgument, File("a", mtime: new FileTime(0, 1_000_000_000))),
        ["device"] = (ErrorKind.NotSupported, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.CharDevice, DeviceMajor = 1 << 21 }),
        ["xattr with ="] = (ErrorKind.NotSupported, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.Fifo, Xattrs = [new("user.a=b"u8.ToArray(), [])] }),
        ["xattr with NUL"] = (ErrorKind.NotSupported, new TarEntry { Name = "a"u8.ToArray(), Type = TarEntryType.Fifo, Xattrs = [new("user.a\0"u8.ToArray(), [])] }),
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_no_tar_holds_is_refused_before_anything_is_written(string name)
    {
        var (kind, entry) = RefusedEntries[name];
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            Assert.Equal(kind, Assert.Throws<StrataException>(() => writer.Write(entry, EntryContent.Empty)).Kind);
            writer.WriteEnd();
        }
        Assert.Equal(new byte[1024], tar.ToArray());
    }

    [Fact]
    public void Extended_attributes_are_sorted_whatever_their_order()
    {
        Xattr a = new("user.a"u8.ToArray(), [1]), b = new("user.b"u8.ToArray(), [2]), c = new("user.c"u8.ToArray(), [3]);
        static TarEntry Of(params Xattr[] xattrs) => new() { Name = "x"u8.ToArray(), Type = TarEntryType.Fifo, Xattrs = xattrs };
        Assert.Equal(Write((Of(a, b, c), [])), Write((Of(c, a, b), [])));
    }

    [Fact]
    public void Many_small_entries_are_few_writes()
    {
        var stream = new CountingStream();
        using (var writer = new TarWriter(stream))
        {
            for (int i = 0; i < 1000; i++)
                writer.Write(File($"f{i}", 100), new BytesContent(new byte[100]));
            writer.WriteEnd();
        }
        Assert.Equal((1000 * 1024) + 1024, stream.Written);
        Assert.InRange(stream.Writes, 1, 6);
    }

    /// <summary>The bytes of one archive with all that the writer can do, for ever: a change here changes the diff IDs of layers.</summary>
    [Fact]
    public void The_bytes_never_change()
    {
        byte[] tar = Write(
            (new TarEntry { Name = "./"u8.ToArray(), Type = TarEntryType.Directory, Mode = 0x1ED }, []),
            (File("file", 5, new FileTime(1_700_000_000, 123_456_789)), "hello"u8.ToArray()),
            (new TarEntry { Name = "hard"u8.ToArray(), Type = TarEntryType.HardLink, LinkName = "file"u8.ToArray(), Mode = 0x1A4 }, []),
            (new TarEntry { Name = "sym"u8.ToArray(), Type = TarEntryType.Symlink, LinkName = TarBytes.Raw(new string('t', 101)), Mode = 0x1FF }, []),
            (new TarEntry { Name = "tty"u8.ToArray(), Type = TarEntryType.CharDevice, DeviceMajor = 4, DeviceMinor = 64, Mode = 0x190, Gid = 5 }, []),
            (new TarEntry { Name = "sda"u8.ToArray(), Type = TarEntryType.BlockDevice, DeviceMajor = 8, Uid = 3_000_000_000 }, []),
            (new TarEntry { Name = "fifo"u8.ToArray(), Type = TarEntryType.Fifo, Mtime = new FileTime(-1, 1) }, []),
            (new TarEntry { Name = TarBytes.Raw("\xff" + new string('n', 300)), Type = TarEntryType.Directory, Xattrs = [new("security.capability"u8.ToArray(), [1, 0, 0, 2, 0xff])] }, []),
            (File(new string('p', 120) + "/x", 1_000), new byte[1_000]));
        string digest = Convert.ToHexStringLower(SHA256.HashData(tar));
        Assert.True(digest == "65d9fdeb76cad801111f243b994172b61fba92c854ad16e7a5dc0d3a2a03bae6", $"The archive has the digest {digest}.");
    }

    [Fact]
    public void Content_may_come_from_somebody_who_writes()
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            writer.Write(File("a", 5), stream =>
            {
                stream.Write("he"u8);
                stream.Write("llo"u8);
                stream.Dispose();
            });
            writer.Write(File("b", 1), new BytesContent("b"u8.ToArray()));
            writer.WriteEnd();
        }
        Assert.Equal(Write((File("a", 5), "hello"u8.ToArray()), (File("b", 1), "b"u8.ToArray())), tar.ToArray());
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void Whoever_writes_more_or_less_than_told_breaks_the_tar(int told)
    {
        using var writer = new TarWriter(new MemoryStream());
        Assert.Equal(ErrorKind.Corrupt, Assert.Throws<StrataException>(() => writer.Write(File("a", told), stream => stream.Write("hello"u8))).Kind);
        Assert.Equal(ErrorKind.FailedPrecondition, Assert.Throws<StrataException>(writer.WriteEnd).Kind);
    }

    private sealed class ZerosContent(long size) : EntryContent
    {
        private static readonly byte[] Zeros = new byte[1 << 20];
        private long _left = size;

        public override long SizeBytes { get; } = size;

        public override ReadOnlySpan<byte> ReadChunk(int maxBytes)
        {
            int count = (int)Math.Min(Math.Min(_left, maxBytes), Zeros.Length);
            _left -= count;
            return Zeros.AsSpan(0, count);
        }
    }

    private sealed class CountingStream : Stream
    {
        internal byte[] First { get; private set; } = [];

        internal long Written { get; private set; }

        internal int Writes { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => Written;

        public override long Position
        {
            get => Written;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Writes++ == 0)
                First = buffer[..Math.Min(buffer.Length, 4096)].ToArray();
            Written += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
