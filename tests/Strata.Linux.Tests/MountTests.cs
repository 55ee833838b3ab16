using Strata.Testing;

namespace Strata.Linux.Tests;

/// <summary>Mounts, the old way and by the mount API of Linux 5.2. Needs root.</summary>
public sealed class MountTests
{
    [Fact]
    public void Mounts_and_unmounts_the_old_way()
    {
        using var scratch = new ScratchDirectory();
        string at = scratch.Make("at");
        Assert.False(MountPoints.Is(at));
        Assert.Equal(Errno.None, MountCalls.TryMount("none", at, "tmpfs", MountCalls.NoDev, "size=1m"));
        Assert.True(MountPoints.Is(at));
        using (FileCalls.Open(at, OpenFlags.ReadOnly | OpenFlags.Directory))
        {
            Assert.Equal(Errno.EBUSY, MountCalls.TryUnmount(at, lazy: false));
            Assert.Equal(Errno.None, MountCalls.TryUnmount(at, lazy: true));
        }
        Assert.False(MountPoints.Is(at));
        Assert.Equal(Errno.EINVAL, MountCalls.TryUnmount(at, lazy: false));
    }

    [Fact]
    public void Mounts_by_context_and_attaches()
    {
        using var scratch = new ScratchDirectory();
        string at = scratch.Make("at");
        Assert.Equal(Errno.None, MountCalls.TryOpenContext("tmpfs", out var context));
        using (context)
        {
            Assert.Equal(Errno.None, MountCalls.TrySetString(context!, "size", "1m"));
            Assert.Equal(Errno.None, MountCalls.TryCreate(context!));
            Assert.Equal(Errno.None, MountCalls.TryMakeMount(context!, MountCalls.AttributeReadOnly, out var mount));
            using (mount)
            {
                Assert.Equal(Errno.EROFS, NameCalls.TryMakeDirectory(mount!.Number, "d"u8, 0x1C0)); // usable before it is attached
                Assert.Equal(Errno.None, MountCalls.TryAttach(mount, at));
            }
        }
        Assert.True(MountPoints.Is(at));
        AssertUnmounts(at);
    }

    [Fact]
    public void The_kernel_says_why_it_refuses()
    {
        Assert.Equal(Errno.None, MountCalls.TryOpenContext("overlay", out var context));
        using (context)
        {
            Assert.NotEqual(Errno.None, MountCalls.TrySetString(context!, "no-such-option", "x"));
            Assert.Contains("no-such-option", MountCalls.ReadLog(context!), StringComparison.Ordinal);
            Assert.Equal("", MountCalls.ReadLog(context!));
        }
        Assert.Equal(Errno.EPERM == MountCalls.TryOpenContext("no-such-type", out _) ? Errno.EPERM : Errno.ENODEV, MountCalls.TryOpenContext("no-such-type", out _));
    }

    [Fact]
    public void Overlay_takes_layers_one_by_one_and_as_descriptors()
    {
        using var scratch = new ScratchDirectory();
        foreach (string name in new[] { "low:er", "upper,", "work", "at" })
            scratch.Make(name);
        File.WriteAllText(scratch["low:er/f"], "from below");
        Assert.Equal(Errno.None, MountCalls.TryOpenContext("overlay", out var context));
        using (context)
        {
            Assert.Equal(Errno.None, MountCalls.TrySetString(context!, "lowerdir+", scratch["low:er"]));
            using var upper = FileCalls.Open(scratch["upper,"], OpenFlags.Path | OpenFlags.Directory);
            if (MountCalls.TrySetFile(context!, "upperdir", upper) != Errno.None) // Linux 6.13
                Assert.Equal(Errno.None, MountCalls.TrySetString(context!, "upperdir", scratch["upper,"]));
            Assert.Equal(Errno.None, MountCalls.TrySetString(context!, "workdir", scratch["work"]));
            Assert.Equal(Errno.None, MountCalls.TrySetFlag(context!, "volatile"));
            Assert.Equal(Errno.None, MountCalls.TryCreate(context!));
            Assert.Equal(Errno.None, MountCalls.TryMakeMount(context!, 0, out var mount));
            using (mount)
                Assert.Equal(Errno.None, MountCalls.TryAttach(mount!, scratch["at"]));
        }
        Assert.Equal("from below", File.ReadAllText(scratch["at/f"]));
        File.WriteAllText(scratch["at/g"], "new");
        Assert.True(File.Exists(scratch["upper,/g"]));
        AssertUnmounts(scratch["at"]);
    }

    [Fact]
    public void A_copied_mount_can_be_made_read_only()
    {
        using var scratch = new ScratchDirectory();
        scratch.Make("source");
        scratch.Make("at");
        File.WriteAllText(scratch["source/f"], "x");
        Assert.Equal(Errno.None, MountCalls.TryCopyMount(scratch["source"], recursive: true, out var mount));
        using (mount)
        {
            Assert.Equal(Errno.None, MountCalls.TrySetAttributes(mount!, MountCalls.AttributeReadOnly, 0, recursive: true));
            Assert.Equal(Errno.None, MountCalls.TryAttach(mount!, scratch["at"]));
        }
        Assert.Equal("x", File.ReadAllText(scratch["at/f"]));
        Assert.Throws<IOException>(() => File.WriteAllText(scratch["at/g"], "y"));
        AssertUnmounts(scratch["at"]);
    }

    /// <summary>Busy for a moment while another test starts a program: between fork and exec that has every descriptor, also one on this mount.</summary>
    private static void AssertUnmounts(string path)
    {
        var errno = Errno.EBUSY;
        SpinWait.SpinUntil(() => (errno = MountCalls.TryUnmount(path, lazy: false)) != Errno.EBUSY, TimeSpan.FromSeconds(5));
        Assert.Equal(Errno.None, errno);
    }
}
