using Strata.Testing;

namespace Strata.Linux.Tests;

/// <summary>Owners, modes, times and extended attributes, by the newest calls and by the fallbacks. One class: the switches are the process's.</summary>
public sealed class AttributeTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly FileDescriptor _root;

    public AttributeTests() => _root = FileCalls.Open(_scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);

    public void Dispose()
    {
        XattrCalls.UseFallback(false);
        AttributeCalls.UseFallback(false);
        _root.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void Owner_mode_and_time_are_set_and_read()
    {
        using var file = FileCalls.OpenAt(_root, "f"u8, OpenFlags.WriteOnly | OpenFlags.Create, 0x180);
        Assert.Equal(Errno.None, AttributeCalls.TryChown(file.Number, 4_000_000_000, 7));
        Assert.Equal(Errno.None, AttributeCalls.TryChmod(file.Number, 0x9ED));
        Assert.Equal(Errno.None, AttributeCalls.TrySetTime(file.Number, new FileTime(-1, 999_999_999)));
        var status = AttributeCalls.Stat(file);
        Assert.Equal((4_000_000_000u, 7u, 0x9ED, new FileTime(-1, 999_999_999)), (status.Uid, status.Gid, status.Permissions, status.Mtime));
        Assert.Equal(1u, status.LinkCount);
        Assert.Equal(NameCalls.TypeRegular, status.Type);
        Assert.NotEqual(0ul, status.MountId);
    }

    [Fact]
    public void A_link_has_its_own_owner_and_time()
    {
        File.WriteAllText(_scratch["target"], "");
        Assert.Equal(Errno.None, NameCalls.TryMakeSymlink("target"u8, _root.Number, "s"u8));
        Assert.Equal(Errno.None, AttributeCalls.TryChownAt(_root.Number, "s"u8, 5, 6));
        Assert.Equal(Errno.None, AttributeCalls.TrySetTimeAt(_root.Number, "s"u8, new FileTime(11, 12)));
        Assert.Equal(Errno.None, AttributeCalls.TryStat(_root.Number, "s"u8, out var link));
        Assert.Equal((5u, 6u, new FileTime(11, 12), NameCalls.TypeSymlink), (link.Uid, link.Gid, link.Mtime, link.Type));
        Assert.Equal(Errno.None, AttributeCalls.TryStat(_root.Number, "target"u8, out var target));
        Assert.Equal((0u, 0u), (target.Uid, target.Gid));
        Assert.NotEqual(new FileTime(11, 12), target.Mtime);
    }

    [Fact]
    public void A_mode_is_never_set_through_a_link()
    {
        foreach (bool fallback in new[] { false, true })
        {
            AttributeCalls.UseFallback(fallback);
            using var scratch = new ScratchDirectory();
            using var root = FileCalls.Open(scratch.Path, OpenFlags.ReadOnly | OpenFlags.Directory);
            Assert.Equal(Errno.None, NameCalls.TryMakeNode(root.Number, "f"u8, NameCalls.TypeFifo | 0x180, 0, 0));
            Assert.Equal(Errno.None, NameCalls.TryMakeSymlink("f"u8, root.Number, "s"u8));
            Assert.Equal(Errno.EOPNOTSUPP, AttributeCalls.TryChmodAt(root.Number, "s"u8, 0xFFF));
            Assert.Equal(Errno.None, AttributeCalls.TryChmodAt(root.Number, "f"u8, 0xDA4));
            Assert.Equal(Errno.ENOENT, AttributeCalls.TryChmodAt(root.Number, "g"u8, 0xDA4));
            Assert.Equal("/f p 06644 0:0", TreeDump.Lines(scratch.Path, times: false)[1]);
        }
    }

    [Fact]
    public void Nothing_is_null_and_no_exception()
    {
        Assert.Null(AttributeCalls.FindStatus(_scratch["nothing"]));
        Assert.Null(AttributeCalls.FindStatus(_scratch["nothing/below"]));
        Assert.True(AttributeCalls.FindStatus(_scratch.Path)!.Value.IsDirectory);
    }

    [Theory]
    [InlineData("f")]
    [InlineData("s")]
    [InlineData("p")]
    [InlineData("d")]
    [InlineData(".")]
    public void Extended_attributes_of_every_kind(string name)
    {
        Commands.Run("sh", "-c", $"cd {_scratch.Path} && touch f && ln -s /etc s && mkfifo p && mkdir d");
        byte[] file = FileName.Of(name);
        byte[] large = Enumerable.Range(0, 3000).Select(i => (byte)i).ToArray();
        foreach (bool fallback in new[] { false, true })
        {
            XattrCalls.UseFallback(fallback);
            Assert.Equal(Errno.None, XattrCalls.TrySetAt(_root.Number, file, "trusted.b"u8, large));
            Assert.Equal(Errno.None, XattrCalls.TrySetAt(_root.Number, file, "trusted.a"u8, default));
            XattrCalls.UseFallback(!fallback);
            var all = XattrCalls.GetAll(_root.Number, file);
            Assert.Equal(["trusted.a", "trusted.b"], all.Select(x => EntryPath.Display(x.Name)));
            Assert.Equal(large, all[1].Value);
            byte[] small = new byte[100];
            Assert.Equal(Errno.ERANGE, XattrCalls.TryGetAt(_root.Number, file, "trusted.b"u8, small, out _));
            Assert.Equal(Errno.ENODATA, XattrCalls.TryGetAt(_root.Number, file, "trusted.c"u8, small, out _));
            Assert.Equal(Errno.ENOENT, XattrCalls.TryGetAt(_root.Number, "nothing"u8, "trusted.c"u8, small, out _));
            Assert.Equal(Errno.None, XattrCalls.TryRemoveAt(_root.Number, file, "trusted.a"u8));
            Assert.Equal(Errno.ENODATA, XattrCalls.TryRemoveAt(_root.Number, file, "trusted.a"u8));
            Assert.Equal(Errno.None, XattrCalls.TryRemoveAt(_root.Number, file, "trusted.b"u8));
            Assert.Empty(XattrCalls.GetAll(_root.Number, file));
        }
    }

    [Fact]
    public void Extended_attributes_of_an_open_file()
    {
        using var file = FileCalls.OpenAt(_root, "f"u8, OpenFlags.WriteOnly | OpenFlags.Create, 0x180);
        byte[] large = new byte[2000];
        Assert.Null(XattrCalls.Find(file, "user.x"u8));
        Assert.Equal(Errno.None, XattrCalls.TrySet(file.Number, "user.x"u8, "1"u8));
        Assert.Equal("1"u8.ToArray(), XattrCalls.Find(file, "user.x"u8));
        Assert.Equal(Errno.None, XattrCalls.TrySet(file.Number, "user.x"u8, large));
        Assert.Equal(large, XattrCalls.Find(file, "user.x"u8));
        Assert.Equal(Errno.None, XattrCalls.TryRemove(file.Number, "user.x"u8));
        Assert.Equal(Errno.ENODATA, XattrCalls.TryRemove(file.Number, "user.x"u8));
    }
}
