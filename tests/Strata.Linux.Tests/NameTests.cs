using Strata.Testing;

namespace Strata.Linux.Tests;

public sealed class NameTests
{
    [Fact]
    public void Expected_errors_come_without_exceptions()
    {
        using var scratch = new ScratchDirectory();
        using var root = FileCalls.Open(scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);
        int d = root.Number;
        Assert.Equal(Errno.None, FileCalls.TryOpenAt(d, "f"u8, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x1A4, out var file));
        using (file)
            Assert.Equal(Errno.None, FileCalls.TryWriteAll(file!.Number, "text"u8));
        Assert.Equal(Errno.EEXIST, FileCalls.TryOpenAt(d, "f"u8, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x1A4, out var none));
        Assert.Null(none);
        Assert.Equal(Errno.ENOENT, FileCalls.TryOpenRaw(d, "g"u8, OpenFlags.ReadOnly, 0, out _));
        Assert.Equal(Errno.None, NameCalls.TryMakeDirectory(d, "dir"u8, 0x1C0));
        Assert.Equal(Errno.EEXIST, NameCalls.TryMakeDirectory(d, "dir"u8, 0x1C0));
        Assert.Equal(Errno.None, NameCalls.TryMakeSymlink("f"u8, d, "s"u8));
        Assert.Equal(Errno.EEXIST, NameCalls.TryMakeSymlink("f"u8, d, "s"u8));
        Assert.Equal(Errno.ELOOP, FileCalls.TryOpenRaw(d, "s"u8, OpenFlags.ReadOnly | OpenFlags.NoFollow, 0, out _));
        Assert.Equal(Errno.EISDIR, NameCalls.TryUnlink(d, "dir"u8));
        Assert.Equal(Errno.ENOTDIR, NameCalls.TryRemoveDirectory(d, "f"u8));
        Assert.Equal(Errno.None, NameCalls.TryRemoveDirectory(d, "dir"u8));
        Assert.Equal(Errno.ENAMETOOLONG, NameCalls.TryMakeDirectory(d, new byte[300].Select(_ => (byte)'n').ToArray(), 0x1C0));
    }

    [Fact]
    public void Nodes_links_and_targets()
    {
        using var scratch = new ScratchDirectory();
        using var root = FileCalls.Open(scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);
        int d = root.Number;
        Assert.Equal(Errno.None, NameCalls.TryMakeNode(d, "c"u8, NameCalls.TypeCharDevice | 0x180, 259, 70000));
        Assert.Equal(Errno.None, NameCalls.TryMakeNode(d, "p"u8, NameCalls.TypeFifo | 0x180, 0, 0));
        Assert.Equal(Errno.None, NameCalls.TryMakeSymlink("/target"u8, d, "s"u8));
        Assert.Equal(Errno.None, NameCalls.TryLink(d, "s"u8, d, "hard"u8));
        Assert.Equal("/c c 0600 0:0 259:70000\n/hard l 0777 0:0 -> /target\n/p p 0600 0:0\n/s =/hard", string.Join('\n', TreeDump.Lines(scratch.Path, times: false).Skip(1)));
        Assert.Equal(Errno.None, NameCalls.TryReadLink(d, "s"u8, out byte[] target));
        Assert.Equal("/target"u8.ToArray(), target);
        Assert.Equal(Errno.EINVAL, NameCalls.TryReadLink(d, "p"u8, out _));
        using var link = FileCalls.OpenAt(root, "s"u8, OpenFlags.Path | OpenFlags.NoFollow);
        Assert.Equal(Errno.None, NameCalls.TryReadLink(link.Number, default, out target));
        Assert.Equal("/target"u8.ToArray(), target);
        byte[] longest = Enumerable.Repeat((byte)'x', 4095).ToArray();
        Assert.Equal(Errno.None, NameCalls.TryMakeSymlink(longest, d, "long"u8));
        Assert.Equal(Errno.None, NameCalls.TryReadLink(d, "long"u8, out target));
        Assert.Equal(longest, target);
    }

    [Fact]
    public void Renames_replace_refuse_or_exchange()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllText(scratch["a"], "a");
        File.WriteAllText(scratch["b"], "b");
        using var root = FileCalls.Open(scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);
        Assert.Equal(Errno.EEXIST, NameCalls.TryRename(root.Number, "a"u8, root.Number, "b"u8, NameCalls.RenameNoReplace));
        Assert.Equal(Errno.None, NameCalls.TryRename(root.Number, "a"u8, root.Number, "b"u8, NameCalls.RenameExchange));
        Assert.Equal("b", File.ReadAllText(scratch["a"]));
        NameCalls.Rename(scratch["a"], scratch["b"]);
        Assert.Equal("b", File.ReadAllText(scratch["b"]));
        var error = Assert.Throws<LinuxException>(() => NameCalls.Rename(scratch["a"], scratch["c"]));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
    }

    [Fact]
    public void An_open_file_without_a_name_gets_one()
    {
        const int TemporaryFile = 0x400000; // __O_TMPFILE, to which O_DIRECTORY belongs
        using var scratch = new ScratchDirectory();
        using var root = FileCalls.Open(scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);
        using var file = FileCalls.OpenAt(root, "."u8, OpenFlags.ReadWrite | OpenFlags.Directory | TemporaryFile, 0x180);
        Assert.Equal(Errno.None, FileCalls.TryWriteAll(file.Number, "x"u8));
        Assert.Equal(Errno.None, NameCalls.TryLinkOpenFile(file, root.Number, "named"u8));
        Assert.Equal("x", File.ReadAllText(scratch["named"]));
    }

    [Fact]
    public void Directories_are_read_as_bytes()
    {
        using var scratch = new ScratchDirectory();
        using var root = FileCalls.Open(scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);
        var expected = new List<byte[]> { new byte[] { 0xFF, 0xFE }, new byte[] { (byte)'\n' }, Enumerable.Repeat((byte)0x80, 255).ToArray() };
        for (int i = 0; i < 3000; i++) // several buffers
            expected.Add(System.Text.Encoding.ASCII.GetBytes($"name-{i}-{new string('x', i % 50)}"));
        foreach (byte[] name in expected)
            Assert.Equal(Errno.None, NameCalls.TryMakeNode(root.Number, name, NameCalls.TypeFifo | 0x180, 0, 0));
        Assert.Equal(Errno.None, NameCalls.TryMakeDirectory(root.Number, "directory"u8, 0x1C0));
        expected.Add("directory"u8.ToArray());
        var found = new List<byte[]>();
        using (var reader = new DirectoryReader(root))
        {
            while (reader.MoveNext())
            {
                found.Add(reader.Name.ToArray());
                Assert.Equal(reader.Name.SequenceEqual("directory"u8) ? NameCalls.TypeDirectory : NameCalls.TypeFifo, reader.Type);
                Assert.Equal(Errno.None, AttributeCalls.TryStat(root.Number, reader.Name, out var status));
                Assert.Equal(status.Inode, reader.Inode);
            }
        }
        Assert.Equal(expected.Select(Convert.ToHexString).Order(), found.Select(Convert.ToHexString).Order());
    }
}
