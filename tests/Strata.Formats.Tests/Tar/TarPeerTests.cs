using System.Text;
using Strata.Formats.Tar;

namespace Strata.Formats.Tests.Tar;

/// <summary>What GNU tar, bsdtar and Python write is read as they meant it, and they read what is written here.</summary>
public class TarPeerTests
{
    private const UnixFileMode Mode644 = (UnixFileMode)0x1A4;
    private static readonly DateTimeOffset Time = DateTimeOffset.FromUnixTimeSeconds(1_600_000_000).AddTicks(1_234_567);

    [Theory]
    [InlineData("v7")]
    [InlineData("oldgnu")]
    [InlineData("gnu")]
    [InlineData("ustar")]
    [InlineData("posix")]
    public void GNU_tar_writes_and_we_read(string format)
    {
        Tools.SkipWithout("tar");
        using var tools = new Tools();
        MakeTree(tools, deep: format is "gnu" or "oldgnu" or "posix");
        if (format != "v7")
            tools.Run("mkfifo", "-m", "600", "tree/fifo");
        byte[] tar = tools.Run("tar", $"--format={format}", "--sort=name", "--owner=:1234", "--group=:5678", "--numeric-owner", "-cf", "-", "tree");
        AssertTree(tools, tar, hasFraction: format == "posix");
    }

    [Theory]
    [InlineData("gnu", null)]
    [InlineData("oldgnu", null)]
    [InlineData("posix", "0.0")]
    [InlineData("posix", "0.1")]
    [InlineData("posix", "1.0")]
    public void GNU_tar_writes_sparse_files_and_we_read(string format, string? version)
    {
        Tools.SkipWithout("tar");
        using var tools = new Tools();
        // More extents than an old GNU header and its first extension block hold, a hole at the end, and a file that is one hole.
        using (var file = File.Create(tools.PathOf("sparse")))
        {
            for (int i = 0; i < 60; i++)
            {
                file.Position = i * 65_536L;
                file.Write(Encoding.ASCII.GetBytes($"data {i}"));
            }
            file.SetLength(5_000_000);
        }
        using (var file = File.Create(tools.PathOf("hole")))
            file.SetLength(3_000_000);
        File.WriteAllText(tools.PathOf("dense"), "dense");
        string[] options = version is null ? [] : [$"--sparse-version={version}"];
        byte[] tar = tools.Run("tar", [$"--format={format}", .. options, "--hole-detection=raw", "-Scf", "-", "sparse", "hole", "dense"]);
        var read = TarListing.Of(tar);
        Assert.Equal(["sparse", "hole", "dense"], read.Select(r => r.Name));
        Assert.InRange(read[0].Entry.Extents!.Count, 50, 61);
        Assert.NotNull(read[1].Entry.Extents);
        Assert.Null(read[2].Entry.Extents);
        Assert.All(read, r => Assert.Equal(File.ReadAllBytes(tools.PathOf(r.Name)), r.Content));
        AssertRecipe(tar);
    }

    [Theory]
    [InlineData("v7")]
    [InlineData("ustar")]
    [InlineData("gnutar")]
    [InlineData("pax")]
    public void Bsdtar_writes_and_we_read(string format)
    {
        Tools.SkipWithout("bsdtar");
        using var tools = new Tools();
        MakeTree(tools, deep: format is "gnutar" or "pax");
        byte[] tar = tools.Run("bsdtar", "--format", format, "--uid", "1234", "--gid", "5678", "--numeric-owner", "-cf", "-", "tree");
        AssertTree(tools, tar, hasFraction: format == "pax");
    }

    [Theory]
    [InlineData("USTAR_FORMAT")]
    [InlineData("GNU_FORMAT")]
    [InlineData("PAX_FORMAT")]
    public void Python_writes_and_we_read(string format)
    {
        Tools.SkipWithout("python3");
        using var tools = new Tools();
        MakeTree(tools, deep: format != "USTAR_FORMAT");
        const string Script = """
            import sys, tarfile
            def owner(info):
                info.uid, info.gid = 1234, 5678
                return info
            with tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=getattr(tarfile, sys.argv[1])) as tar:
                tar.add('tree', filter=owner)
            """;
        byte[] tar = tools.Run("python3", "-c", Script, format);
        AssertTree(tools, tar, hasFraction: format == "PAX_FORMAT", fractionDigits: 6);
    }

    [Fact]
    public void GNU_tar_and_bsdtar_write_extended_attributes_and_we_read_bytes()
    {
        Tools.SkipWithout("tar");
        Tools.SkipWithout("bsdtar");
        Tools.SkipWithout("setfattr");
        using var tools = new Tools();
        File.WriteAllText(tools.PathOf("file"), "content");
        try
        {
            tools.Run("setfattr", "-n", "user.bytes", "-v", "0x000aff3d80", "file");
        }
        catch (Xunit.Sdk.TrueException e)
        {
            Assert.Skip($"The file system of {tools.Directory} keeps no user attributes: {e.Message}");
        }
        byte[][] tars =
        [
            tools.Run("tar", "--format=posix", "--xattrs", "--xattrs-include=user.*", "-cf", "-", "file"),
            tools.Run("bsdtar", "--format", "pax", "--xattrs", "-cf", "-", "file"),
        ];
        foreach (byte[] tar in tars)
        {
            var xattr = TarListing.One(tar).Entry.Xattrs.Single(x => x.Name.AsSpan().SequenceEqual("user.bytes"u8));
            Assert.Equal([0x00, 0x0a, 0xff, 0x3d, 0x80], xattr.Value);
            AssertRecipe(tar);
        }
    }

    [Fact]
    public void GNU_tar_lists_what_we_write()
    {
        Tools.SkipWithout("tar");
        using var tools = new Tools();
        File.WriteAllBytes(tools.PathOf("ours.tar"), OurTar());
        Assert.Equal(
            [
                "drwxr-xr-x 1000/1000 0 2023-11-14 22:13:20 dir/",
                "-rwsr-xr-x 3000000000/4294967294 5 2023-11-14 22:13:20.123456789 dir/file",
                "hrw-r--r-- 0/0 0 1970-01-01 00:00:00 dir/hard link to dir/file",
                $"lrwxrwxrwx 0/0 0 1969-12-31 23:59:59 {new string('s', 120)} -> {new string('t', 150)}",
                "crw-rw---- 0/5 4,64 1970-01-01 00:00:00 tty",
                "brw-rw---- 0/6 8,1 1970-01-01 00:00:00 sda1",
                "prw------- 0/0 0 1970-01-01 00:00:00 fifo",
                $"-rw-r--r-- 0/0 3 1970-01-01 00:00:00 {new string('p', 120)}/in-the-prefix",
                @"-rw-r--r-- 0/0 0 2500-01-01 00:00:00 caf\351",
            ],
            tools.Lines("tar", "--numeric-owner", "--full-time", "--quoting-style=escape", "--warning=no-timestamp", "-tvf", "ours.tar")
                .Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
    }

    [Fact]
    public void Bsdtar_reads_what_we_write()
    {
        Tools.SkipWithout("bsdtar");
        using var tools = new Tools();
        File.WriteAllBytes(tools.PathOf("ours.tar"), OurTar());
        // mtree is bsdtar's fullest listing; what it lists must be what our own reader reads.
        string listing = Encoding.Latin1.GetString(tools.Run("bsdtar", "-cf", "-", "--format", "mtree", "--options", "mtree:all", "@ours.tar"));
        Assert.Contains("/file ", listing, StringComparison.Ordinal);
        Assert.Contains("time=1700000000.123456789", listing, StringComparison.Ordinal);
        Assert.Contains("uid=3000000000", listing, StringComparison.Ordinal);
        Assert.Contains(@"caf\351", listing, StringComparison.Ordinal);
        byte[] again = tools.Run("bsdtar", "-cf", "-", "--format", "pax", "@ours.tar");
        Assert.Equal(
            TarListing.Lines(OurTar()).Select(line => line.Replace(" dir/ ", " dir ", StringComparison.Ordinal)),
            TarListing.Lines(again).Select(line => line.Replace(" dir/ ", " dir ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Python_reads_what_we_write()
    {
        Tools.SkipWithout("python3");
        using var tools = new Tools();
        File.WriteAllBytes(tools.PathOf("ours.tar"), OurTar());
        const string Script = """
            import tarfile
            for i in tarfile.open('ours.tar', errors='surrogateescape'):
                name = i.name.encode('utf-8', 'surrogateescape').decode('latin-1').encode('unicode_escape').decode()
                print(i.type.decode(), oct(i.mode)[2:], i.uid, i.gid, i.size, '%.9f' % i.mtime if i.mtime < 1 else int(i.mtime), name, i.linkname, i.devmajor, i.devminor)
            """;
        var expected = TarListing.Of(OurTar()).Select(r =>
            $"{(char)r.Entry.Type} {Convert.ToString(r.Entry.Mode, 8)} {r.Entry.Uid} {r.Entry.Gid} {r.Entry.SizeBytes} "
            + (r.Entry.Mtime.Seconds < 1 ? $"{r.Entry.Mtime.Seconds + (r.Entry.Mtime.Nanoseconds / 1e9):F9}" : $"{r.Entry.Mtime.Seconds}")
            + $" {r.Name.TrimEnd('/').Replace("\xe9", "\\xe9", StringComparison.Ordinal)} {Encoding.Latin1.GetString(r.Entry.LinkName)} {r.Entry.DeviceMajor} {r.Entry.DeviceMinor}");
        Assert.Equal(expected, tools.Lines("python3", "-c", Script));
    }

    [Fact]
    public void GNU_tar_extracts_what_we_write()
    {
        Tools.SkipWithout("tar");
        using var tools = new Tools();
        byte[] content = new byte[1_000_000];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(tools.PathOf("ours.tar"), TarWriterTests.Write(
            (new TarEntry { Name = "d/"u8.ToArray(), Type = TarEntryType.Directory, Mode = 0x1ED }, []),
            (TarWriterTests.File("d/" + new string('n', 200), content.Length, new FileTime(1_700_000_000, 123_456_700)), content),
            (new TarEntry { Name = "d/hard"u8.ToArray(), Type = TarEntryType.HardLink, LinkName = TarBytes.Raw("d/" + new string('n', 200)) }, []),
            (new TarEntry { Name = "d/sym"u8.ToArray(), Type = TarEntryType.Symlink, LinkName = "hard"u8.ToArray() }, []),
            (TarWriterTests.File("d/empty"), [])));
        tools.Run("tar", "--no-same-owner", "-xf", "ours.tar");
        Assert.Equal(content, File.ReadAllBytes(tools.PathOf("d/hard")));
        Assert.Equal(content, File.ReadAllBytes(tools.PathOf("d/sym")));
        Assert.Equal("hard", new FileInfo(tools.PathOf("d/sym")).LinkTarget);
        Assert.Equal(0, new FileInfo(tools.PathOf("d/empty")).Length);
        Assert.Equal(Mode644, File.GetUnixFileMode(tools.PathOf("d/hard")));
    }

    /// <summary>
    /// No fraction before 1970: GNU tar 1.34 writes -1.5 for a second and a half before and reads it as half a second before, libarchive writes
    /// -2.5 for it. Here it is -1.5 in both directions, as POSIX and Go have it (TarPaxTests, TarWriterTests).
    /// </summary>
    private static byte[] OurTar()
    {
        static TarEntry Of(string name, TarEntryType type, int mode, string link = "", Ids ids = default, FileTime mtime = default, uint major = 0, uint minor = 0, long size = 0) =>
            new()
            {
                Name = TarBytes.Raw(name),
                Type = type,
                Mode = mode,
                LinkName = TarBytes.Raw(link),
                Uid = ids.Uid,
                Gid = ids.Gid,
                Mtime = mtime,
                DeviceMajor = major,
                DeviceMinor = minor,
                SizeBytes = size,
            };
        return TarWriterTests.Write(
            (Of("dir/", TarEntryType.Directory, 0x1ED, ids: new(1000, 1000), mtime: new FileTime(1_700_000_000, 0)), []),
            (Of("dir/file", TarEntryType.RegularFile, 0x9ED, ids: new(3_000_000_000, 4_294_967_294), mtime: new FileTime(1_700_000_000, 123_456_789), size: 5), "hello"u8.ToArray()),
            (Of("dir/hard", TarEntryType.HardLink, 0x1A4, "dir/file"), []),
            (Of(new string('s', 120), TarEntryType.Symlink, 0x1FF, new string('t', 150), mtime: new FileTime(-1, 0)), []),
            (Of("tty", TarEntryType.CharDevice, 0x1B0, ids: new(0, 5), major: 4, minor: 64), []),
            (Of("sda1", TarEntryType.BlockDevice, 0x1B0, ids: new(0, 6), major: 8, minor: 1), []),
            (Of("fifo", TarEntryType.Fifo, 0x180), []),
            (Of(new string('p', 120) + "/in-the-prefix", TarEntryType.RegularFile, 0x1A4, size: 3), "abc"u8.ToArray()),
            (Of("caf\xe9", TarEntryType.RegularFile, 0x1A4, mtime: new FileTime(16_725_225_600, 0)), []));
    }

    private readonly record struct Ids(uint Uid, uint Gid);

    private static void MakeTree(Tools tools, bool deep)
    {
        Directory.CreateDirectory(tools.PathOf("tree/dir"));
        File.WriteAllText(tools.PathOf("tree/empty"), "");
        byte[] big = new byte[700_001];
        new Random(7).NextBytes(big);
        File.WriteAllBytes(tools.PathOf("tree/dir/big"), big);
        tools.Run("ln", "tree/dir/big", "tree/hard");
        File.CreateSymbolicLink(tools.PathOf("tree/sym"), "dir/big");
        File.WriteAllText(tools.PathOf("tree/setuid"), "x");
        File.SetUnixFileMode(tools.PathOf("tree/setuid"), Mode644 | UnixFileMode.SetUser | UnixFileMode.UserExecute);
        if (deep)
        {
            string name = new('n', 120);
            Directory.CreateDirectory(tools.PathOf($"tree/{name}/{name}"));
            File.WriteAllText(tools.PathOf($"tree/{name}/{name}/{name}"), "deep");
            File.CreateSymbolicLink(tools.PathOf("tree/long-target"), new string('t', 300));
            File.WriteAllText(tools.PathOf("tree/gr\u00fc\u00dfe"), "utf-8");
        }
        foreach (string file in Directory.EnumerateFiles(tools.PathOf("tree"), "*", SearchOption.AllDirectories))
        {
            if (new FileInfo(file).LinkTarget is null)
                File.SetLastWriteTimeUtc(file, Time.UtcDateTime);
        }
    }

    private static void AssertTree(Tools tools, byte[] tar, bool hasFraction, int fractionDigits = 9)
    {
        var read = TarListing.Of(tar);
        var names = Directory.EnumerateFileSystemEntries(tools.PathOf("tree"), "*", SearchOption.AllDirectories)
            .Append(tools.PathOf("tree")).Select(path => path[(tools.Directory.Length + 1)..]);
        Assert.Equal(names.Order(StringComparer.Ordinal), read.Select(r => Encoding.UTF8.GetString(r.Entry.Name).TrimEnd('/')).Order(StringComparer.Ordinal));
        foreach (var r in read)
        {
            string name = Encoding.UTF8.GetString(r.Entry.Name);
            string path = tools.PathOf(name);
            Assert.Equal((1234u, 5678u), (r.Entry.Uid, r.Entry.Gid));
            switch (r.Entry.Type)
            {
                case TarEntryType.RegularFile:
                    Assert.Equal(File.ReadAllBytes(path), r.Content);
                    Assert.Equal((int)File.GetUnixFileMode(path), r.Entry.Mode);
                    Assert.Equal(1_600_000_000, r.Entry.Mtime.Seconds);
                    if (hasFraction)
                        Assert.InRange(Math.Abs(r.Entry.Mtime.Nanoseconds - 123_456_700), 0, fractionDigits == 9 ? 0 : 1000);
                    else
                        Assert.Equal(0, r.Entry.Mtime.Nanoseconds);
                    break;
                case TarEntryType.Symlink:
                    Assert.Equal(new FileInfo(path).LinkTarget, Encoding.UTF8.GetString(r.Entry.LinkName));
                    break;
                case TarEntryType.HardLink:
                    Assert.Contains(Encoding.UTF8.GetString(r.Entry.LinkName), (string[])["tree/hard", "tree/dir/big"]);
                    break;
                case TarEntryType.Directory:
                    Assert.True(Directory.Exists(path));
                    break;
                case TarEntryType.Fifo:
                    Assert.Equal("tree/fifo", name);
                    break;
                default:
                    Assert.Fail($"{r.Entry} is not in the tree.");
                    break;
            }
        }
        Assert.Single(read, r => r.Entry.Type == TarEntryType.HardLink);
        AssertRecipe(tar);
    }

    private static void AssertRecipe(byte[] tar)
    {
        var (recipe, contents) = TarRecipeTests.Record(tar);
        Assert.Equal(tar, TarRecipeTests.Replay(recipe, contents));
        Assert.True(recipe.Length < tar.Length);
    }
}
