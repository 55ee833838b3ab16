using Strata.Testing;

namespace Strata.Linux.Tests;

/// <summary>Look-ups below a root, by openat2 and by the fallback for kernels before 5.6. The switch is one for the process: one class, one thread.</summary>
public sealed class RootedTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly FileDescriptor _root;

    public RootedTests()
    {
        Commands.Run(
            "sh", "-c",
            $"""
            cd {_scratch.Path} && mkdir -p tree/a/b/c outside && echo inside > tree/a/b/c/file && echo secret > outside/secret && cd tree &&
            ln -s ../../outside up && ln -s {_scratch.Path}/outside absolute && ln -s /a/b slash && ln -s b/c a/relative && ln -s ../../../../../../a/b/c/file a/far &&
            ln -s loop2 loop && ln -s loop loop2 && ln -s slash/c chain && ln -s nothing dangling && echo top > secret
            """);
        _root = FileCalls.Open(_scratch["tree"], OpenFlags.ReadOnly | OpenFlags.Directory);
    }

    public void Dispose()
    {
        RootedCalls.UseFallback(false);
        _root.Dispose();
        _scratch.Dispose();
    }

    [Theory]
    [InlineData("a/b/c/file", Errno.None)]
    [InlineData("slash/c/file", Errno.None)]
    [InlineData("a/relative/file", Errno.None)]
    [InlineData("chain/file", Errno.None)]
    [InlineData("a/far", Errno.None)]
    [InlineData("up/secret", Errno.ENOENT)]
    [InlineData("absolute/secret", Errno.ENOENT)]
    [InlineData("loop/x", Errno.ELOOP)]
    [InlineData("loop", Errno.ELOOP)]
    [InlineData("dangling", Errno.ENOENT)]
    [InlineData("a/b/c/file/below", Errno.ENOTDIR)]
    [InlineData("../outside/secret", Errno.ENOENT)]
    [InlineData("../../../../etc/passwd", Errno.ENOENT)]
    public void Links_are_followed_inside_the_root(string path, Errno expected)
    {
        foreach (bool fallback in new[] { false, true })
        {
            RootedCalls.UseFallback(fallback);
            var errno = RootedCalls.TryOpenInRoot(_root.Number, FileName.Of(path), OpenFlags.ReadOnly, 0, out var file);
            Assert.Equal((fallback, expected), (fallback, errno));
            if (errno != Errno.None)
                continue;
            using (file)
            {
                byte[] text = new byte[20];
                Assert.Equal("inside\n", System.Text.Encoding.ASCII.GetString(text, 0, FileCalls.Read(file!, text)));
            }
        }
    }

    [Theory]
    [InlineData("a/b/c", Errno.None)]
    [InlineData("", Errno.None)]
    [InlineData("slash/c", Errno.ELOOP)]
    [InlineData("a/relative", Errno.ELOOP)]
    [InlineData("up", Errno.ELOOP)]
    public void Without_links_each_is_an_error(string path, Errno expected)
    {
        foreach (bool fallback in new[] { false, true })
        {
            RootedCalls.UseFallback(fallback);
            var errno = RootedCalls.TryOpenInRoot(_root.Number, FileName.Of(path), OpenFlags.Path | OpenFlags.Directory, 0, out var file, noSymlinks: true);
            Assert.Equal((fallback, expected), (fallback, errno));
            file?.Dispose();
        }
    }

    [Fact]
    public void The_last_link_can_be_opened_itself()
    {
        foreach (bool fallback in new[] { false, true })
        {
            RootedCalls.UseFallback(fallback);
            Assert.Equal(Errno.None, RootedCalls.TryOpenInRoot(_root.Number, "slash/../../a/relative"u8, OpenFlags.Path | OpenFlags.NoFollow, 0, out var file));
            using (file)
                Assert.Equal(NameCalls.TypeSymlink, AttributeCalls.Stat(file!).Type);
        }
    }

    [Fact]
    public void Files_can_be_made()
    {
        foreach (bool fallback in new[] { false, true })
        {
            RootedCalls.UseFallback(fallback);
            byte[] path = FileName.Of($"slash/new-{fallback}");
            Assert.Equal(Errno.None, RootedCalls.TryOpenInRoot(_root.Number, path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x180, out var file));
            file!.Dispose();
            Assert.True(File.Exists(Path.Combine(_scratch["tree"], $"a/b/new-{fallback}")));
        }
    }

    [Fact]
    public void Paths_longer_than_one_call_takes_are_opened()
    {
        var here = FileCalls.OpenAt(_root, "."u8, OpenFlags.Path | OpenFlags.Directory);
        byte[] name = Enumerable.Repeat((byte)'n', 200).ToArray();
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(Errno.None, NameCalls.TryMakeDirectory(here.Number, name, 0x1C0));
            var next = FileCalls.OpenAt(here, name, OpenFlags.Path | OpenFlags.Directory);
            here.Dispose();
            here = next;
        }
        var expected = AttributeCalls.Stat(here).Inode;
        here.Dispose();
        byte[] path = FileName.Of(string.Join('/', Enumerable.Repeat(new string('n', 200), 50)));
        foreach (bool fallback in new[] { false, true })
        {
            foreach (bool noSymlinks in new[] { false, true })
            {
                RootedCalls.UseFallback(fallback);
                Assert.Equal(Errno.None, RootedCalls.TryOpenInRoot(_root.Number, path, OpenFlags.Path | OpenFlags.Directory, 0, out var file, noSymlinks));
                using (file)
                    Assert.Equal(expected, AttributeCalls.Stat(file!).Inode);
            }
        }
        Assert.Equal(Errno.ENAMETOOLONG, RootedCalls.TryOpenInRoot(_root.Number, new byte[5000].Select(_ => (byte)'n').ToArray(), OpenFlags.Path, 0, out _, noSymlinks: true));
    }
}
