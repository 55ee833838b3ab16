using System.Diagnostics;
using Strata.Testing;

namespace Strata.Trees.Tests;

/// <summary>What is found out about EROFS. The answers are those of the kernel that tests run on (6.12 or newer); needs root.</summary>
public sealed class ErofsSupportTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    public void A_disk_has_all(string type)
    {
        string disk = _scratch.MountLoop("disk", type, type == "ext4" ? 16 : 320);
        var support = ErofsProbe.Run(disk);
        Assert.All([support.InKernel, support.MayMount, support.FromFiles, support.SmallBlocks], finding => Assert.True(finding.Yes, finding.ToString()));
        Assert.True(support.MountsTars);
        Assert.False(support.NeedsLoop);
        Assert.Null(support.WhyNot);
        if (Environment.OSVersion.Version >= new Version(6, 15))
            Assert.True(support.DetachedLowers.Yes, support.DetachedLowers.Words);
        else
            Assert.Contains("6.15", support.DetachedLowers.Words, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(disk));
        Assert.True(Mounter.Unmount(disk)); // nothing is held
        Assert.Same(ErofsSupport.Of(_scratch.Path), ErofsSupport.Of(_scratch.Make("below")));
    }

    [Fact]
    public void A_tmpfs_needs_loop_devices()
    {
        string disk = _scratch.MountTmpfs("disk", "size=1m");
        var support = ErofsProbe.Run(disk);
        Assert.True(support.MountsTars);
        Assert.NotEqual(support.FromFiles.Yes, support.ByLoop.Yes);
        Assert.Equal(support.ByLoop.Yes, support.NeedsLoop);
        if (support.NeedsLoop)
            Assert.Contains("tmpfs", support.FromFiles.Words, StringComparison.Ordinal);
        Assert.True(Mounter.Unmount(disk));
    }

    [Fact]
    public void Who_may_not_mount_is_told_what_to_do()
    {
        ErofsSupport? support = null;
        Unprivileged.Run(() => support = ErofsProbe.Run(_scratch.Path));
        Assert.True(support!.InKernel.Yes);
        Assert.False(support.MayMount.Yes);
        Assert.False(support.MountsTars);
        Assert.Equal(support.MayMount.ToString(), support.WhyNot);
        Assert.Contains("root", support.WhyNot, StringComparison.Ordinal);
        Assert.Equal(6, support.All.Count);
        Assert.All(support.All.Skip(1), finding => Assert.StartsWith("no: ", finding.Words, StringComparison.Ordinal));
    }

    [Fact]
    public void A_user_namespace_is_told_apart()
    {
        File.SetUnixFileMode(_scratch.Path, (UnixFileMode)0x1FF);
        var (code, output, error) = Children.InUserNamespace("erofs-support", _scratch.Path);
        Assert.True(code == 0, output + error);
        Assert.Contains("user namespace", output, StringComparison.Ordinal);
    }

    [Fact]
    public void No_directory_is_an_error()
    {
        var error = Assert.ThrowsAny<StrataException>(() => ErofsSupport.Of(_scratch["nothing"]));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
    }

    [Fact]
    public void It_costs_little()
    {
        ErofsProbe.Run(_scratch.Path);
        double least = Enumerable.Range(0, 10).Min(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            ErofsProbe.Run(_scratch.Path);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        });
        Assert.True(least < 20, $"{least} ms"); // 1 ms on an idle machine
        TestContext.Current.TestOutputHelper?.WriteLine($"{least} ms");
    }
}
