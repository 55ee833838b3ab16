using Strata.Testing;

namespace Strata.Linux.Tests;

/// <summary>Loop devices. Needs root and /dev/loop-control.</summary>
public sealed class LoopTests
{
    [Fact]
    public void A_file_is_a_device_until_it_is_closed()
    {
        using var scratch = new ScratchDirectory();
        byte[] bytes = new byte[4096];
        Random.Shared.NextBytes(bytes);
        File.WriteAllBytes(scratch["file"], bytes);
        using var file = FileCalls.Open(scratch["file"], OpenFlags.ReadOnly);
        using var control = FileCalls.Open("/dev/loop-control", OpenFlags.ReadWrite);
        var (device, path) = Bind(control, file, LoopCalls.ReadOnly | LoopCalls.AutoClear);
        using (device)
        {
            Assert.Equal(Errno.EBUSY, LoopCalls.TryConfigure(device, file, LoopCalls.ReadOnly, 512));
            Assert.Equal(Errno.None, LoopCalls.TryGetStatus(device, out ulong inode, out int flags));
            Assert.Equal(AttributeCalls.Stat(file).Inode, inode);
            Assert.Equal(LoopCalls.ReadOnly | LoopCalls.AutoClear, flags);
            byte[] read = new byte[bytes.Length];
            Assert.Equal(read.Length, FileCalls.ReadAt(device, read, 0));
            Assert.Equal(bytes, read);
        }
        AssertFree(path, AttributeCalls.Stat(file).Inode);
    }

    [Fact]
    public void A_device_is_cleared_by_hand()
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["file"], new byte[512]);
        using var file = FileCalls.Open(scratch["file"], OpenFlags.ReadOnly);
        using var control = FileCalls.Open("/dev/loop-control", OpenFlags.ReadWrite);
        var (device, path) = Bind(control, file, LoopCalls.ReadOnly);
        using (device)
            Assert.Equal(Errno.None, LoopCalls.TryClear(device));
        AssertFree(path, AttributeCalls.Stat(file).Inode);
    }

    private static (FileDescriptor Device, string Path) Bind(FileDescriptor control, FileDescriptor file, int flags)
    {
        while (true)
        {
            Assert.Equal(Errno.None, LoopCalls.TryGetFree(control, out int number));
            string path = $"/dev/loop{number}";
            var device = FileCalls.Open(path, OpenFlags.ReadOnly);
            var errno = LoopCalls.TryConfigure(device, file, flags, 512);
            if (errno == Errno.None)
                return (device, path);
            device.Dispose();
            Assert.Equal(Errno.EBUSY, errno); // another test was faster
        }
    }

    /// <summary>Nothing is bound, or something of somebody else's already; at once, unless somebody who looks at all devices has it open just then.</summary>
    private static void AssertFree(string path, ulong inode) =>
        Assert.True(SpinWait.SpinUntil(() => IsFree(path, inode), TimeSpan.FromSeconds(5)), $"{path} is still bound");

    private static bool IsFree(string path, ulong inode)
    {
        var opened = FileCalls.TryOpenAt(FileCalls.CurrentDirectory, FileName.Of(path), OpenFlags.ReadOnly, 0, out var found);
        if (opened == Errno.ENXIO)
            return true; // just being let go: nothing is bound, or something of another test's
        Assert.Equal(Errno.None, opened);
        using var device = found!;
        var errno = LoopCalls.TryGetStatus(device, out ulong bound, out _);
        if (errno == Errno.None)
            return bound != inode;
        Assert.Equal(Errno.ENXIO, errno);
        return true;
    }
}
