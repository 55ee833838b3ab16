using Strata.Formats.Erofs;
using Strata.Testing;
using static Strata.Testing.TestEntry;

namespace Strata.Trees.Tests.Erofs;

/// <summary>Self-contained images: the tree with everything, as the kernel, fsck.erofs and our reader see it.</summary>
public sealed class ErofsTreeWriterTests
{
    [Fact]
    public void Everything_is_in_one_file()
    {
        var entries = DepthFirst(ErofsMountTests.Everything());
        using var rig = new ErofsRig(12, 0);
        Write(rig, entries);
        string expected = rig.DumpOnDisk(entries);
        Assert.Equal(expected, rig.DumpRead());
        Assert.Equal(0, new FileInfo(rig.ImagePath).Length % 4096);
        // 3 MB of data in one file, half a megabyte for 6,000 others: holes take no room.
        Assert.InRange(new FileInfo(rig.ImagePath).Length, 3_000_000, 4_500_000);
        if (System.IO.File.Exists("/usr/bin/fsck.erofs"))
            rig.Check("fsck.erofs", "--extract");
        ErofsMountTests.Skip();
        Assert.Equal(expected, rig.DumpMounted());
    }

    [Fact]
    public void The_same_entries_give_the_same_bytes()
    {
        var entries = DepthFirst(ErofsMountTests.Everything());
        using var one = new MemoryStream();
        using var two = new MemoryStream();
        Write(one, entries);
        Write(two, entries);
        Assert.Equal(one.ToArray(), two.ToArray());
    }

    [Fact]
    public void Files_of_every_size_around_blocks_come_back()
    {
        byte[] noise = new byte[20_000];
        new Random(3).NextBytes(noise);
        int[] sizes = [0, 1, 2047, 2048, 2049, 4032, 4095, 4096, 4097, 6144, 6145, 8191, 8192, 8193, 12_288, 14_336, 14_337, 20_000];
        var entries = new List<TestEntry> { Directory("") };
        foreach (int size in sizes)
        {
            entries.Add(File($"a{size:D5}", noise[..size]));
            entries.Add(File($"b{size:D5}", noise[..size], 644, 0, 0, null, Xattr("user.x", new string('x', size / 8))));
        }
        entries = [.. DepthFirst([.. entries])];
        using var rig = new ErofsRig(12, 0);
        Write(rig, [.. entries]);
        string expected = rig.DumpOnDisk([.. entries]);
        Assert.Equal(expected, rig.DumpRead());
        if (Environment.IsPrivilegedProcess)
            Assert.Equal(expected, rig.DumpMounted());
    }

    [Fact]
    public void A_large_sparse_file_keeps_its_holes()
    {
        var entry = Sparse("huge", 3L << 30, "startend"u8.ToArray(), new DataExtent(1 << 20, 5), new DataExtent((3L << 30) - 3, 3));
        using var image = new MemoryStream();
        Write(image, [Directory(""), entry]);
        var reader = new ErofsReader(image);
        Assert.True(reader.TryFind(reader.Root, "huge"u8, out var found));
        var huge = reader.ReadInode(found.Node);
        Assert.Equal(3L << 30, huge.SizeBytes);
        byte[] data = new byte[6];
        reader.Read(huge, (1 << 20) - 1, data);
        Assert.Equal("\0start"u8.ToArray(), data);
        Assert.Equal(3, reader.Read(huge, (3L << 30) - 3, data));
        Assert.Equal("end"u8.ToArray(), data[..3]);
        Assert.InRange(image.Length, 0, 1_000_000);
        ErofsChecker.Check(reader);
    }

    [Fact]
    public void Directories_that_are_not_listed_are_made()
    {
        using var image = new MemoryStream();
        Write(image, [File("a/b/c", "1"), File("a/b/d", "2"), File("e/f", "3")]);
        Assert.Equal(["/", "/a", "/a/b", "/a/b/c", "/a/b/d", "/e", "/e/f"], new ErofsReader(image).Walk().Select(e => e.Path.ToString()));
        ErofsChecker.Check(new ErofsReader(image));
    }

    [Fact]
    public void Nothing_at_all_is_an_empty_root()
    {
        using var image = new MemoryStream();
        Write(image, []);
        Assert.Equal(new ErofsContents(1, 1, 0), ErofsChecker.Check(new ErofsReader(image)));
        Assert.Equal(4096, image.Length);
    }

    [Fact]
    public void Attributes_that_have_no_form_are_told()
    {
        var strange = File("a/x", "1", 644, 0, 0, null, Xattr("btrfs.compression", "zstd"), Xattr("user.kept", "1"));
        using var image = new MemoryStream();
        var told = new List<string>();
        var writer = new ErofsTreeWriter(image, (path, xattr) => told.Add($"{path} {EntryPath.Display(xattr.Name)}"));
        writer.Add(strange.Entry, strange.Content, TestContext.Current.CancellationToken);
        writer.Complete();
        Assert.Equal(["/a/x btrfs.compression"], told);
        Assert.Equal("user.kept", EntryPath.Display(new ErofsReader(image).Walk().Last().Inode.Xattrs.Single().Name));
        Assert.Equal(ErrorKind.NotSupported, Assert.Throws<StrataException>(() => Write(new MemoryStream(), [strange])).Kind);
    }

    [Theory]
    [InlineData("unsorted")]
    [InlineData("twice")]
    [InlineData("back into a closed directory")]
    [InlineData("whiteout")]
    [InlineData("link to nothing")]
    [InlineData("link to a directory")]
    [InlineData("link through a file")]
    [InlineData("link to an open directory")]
    [InlineData("root late")]
    [InlineData("root no directory")]
    public void Entries_that_make_no_tree_are_refused(string what)
    {
        TestEntry[] entries = what switch
        {
            "unsorted" => [File("b"), File("a")],
            "twice" => [File("a"), File("a")],
            "back into a closed directory" => [Directory("a"), File("b"), File("a/c")],
            "whiteout" => [Whiteout("a")],
            "link to nothing" => [File("a"), HardLink("b", "c")],
            "link to a directory" => [Directory("a"), HardLink("b", "a")],
            "link through a file" => [File("a"), HardLink("b", "a/c")],
            "link to an open directory" => [Directory("a"), HardLink("a/b", "a")],
            "root late" => [File("a"), Directory("")],
            _ => [File("")],
        };
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<StrataException>(() => Write(new MemoryStream(), entries)).Kind);
    }

    [Fact]
    public void Links_are_found_in_what_is_written_already()
    {
        var entries = new List<TestEntry> { Directory(""), Directory("a"), Directory("a/b") };
        for (int i = 0; i < 900; i++)
            entries.Add(File($"a/b/{i:D4}", $"{i}"));
        for (int i = 0; i < 900; i++)
            entries.Add(HardLink($"a/c{i:D4}", $"a/b/{i:D4}"));
        for (int i = 0; i < 900; i += 3)
            entries.Add(HardLink($"d/{i:D4}", i % 2 == 0 ? $"a/b/{i:D4}" : $"a/c{i:D4}"));
        using var image = new MemoryStream();
        Write(image, [.. entries]);
        var reader = new ErofsReader(image);
        var contents = ErofsChecker.Check(reader);
        Assert.Equal((1 + 3 + 900, 4 + 900 + 900 + 300), (contents.Inodes, contents.Entries));
        Assert.Equal(3u, reader.Walk().Single(e => e.Path.ToString() == "/d/0003").Inode.LinkCount);
    }

    private static void Write(ErofsRig rig, TestEntry[] entries)
    {
        using var image = new FileStream(rig.ImagePath, FileMode.Create, FileAccess.ReadWrite);
        Write(image, entries);
    }

    private static void Write(Stream image, TestEntry[] entries)
    {
        var writer = new ErofsTreeWriter(image);
        foreach (var entry in entries)
            writer.Add(entry.Entry, entry.Content, TestContext.Current.CancellationToken);
        writer.Complete();
    }

    /// <summary>In depth-first order, where the first name of a file is the file, and later ones are the links.</summary>
    private static TestEntry[] DepthFirst(TestEntry[] entries)
    {
        var files = entries.ToDictionary(e => e.Entry.Path);
        var first = new Dictionary<EntryPath, EntryPath>();
        var result = new List<TestEntry>();
        foreach (var test in entries.OrderBy(e => e.Entry.Path))
        {
            var path = test.Entry.Path;
            var what = test.Entry.Kind == EntryKind.HardLink ? files[test.Entry.HardLinkTarget] : test;
            if (what.Entry.Kind == EntryKind.Directory || first.TryAdd(what.Entry.Path, path))
                result.Add(what with { Entry = At(what.Entry, path) });
            else
                result.Add(HardLink(path.ToString(), first[what.Entry.Path].ToString()));
        }
        return [.. result];
    }

    private static LayerEntry At(LayerEntry e, EntryPath path) => new()
    {
        Path = path,
        Kind = e.Kind,
        Mode = e.Mode,
        Uid = e.Uid,
        Gid = e.Gid,
        Mtime = e.Mtime,
        SizeBytes = e.SizeBytes,
        LinkTarget = e.LinkTarget,
        DeviceMajor = e.DeviceMajor,
        DeviceMinor = e.DeviceMinor,
        Xattrs = e.Xattrs,
    };
}
