using System.Diagnostics;
using Strata.Drivers.Quotas;
using Strata.Linux;
using Strata.Testing;
using Strata.Trees;

namespace Strata.Drivers.Tests;

/// <summary>Limits of writable layers: images of their own, and what is told where there are no project quotas. Those themselves: tools/guest/quota.sh.</summary>
public sealed class LimitTests(FileSystems fileSystems)
{
    public static TheoryData<string, string> Stacking => new()
    {
        { "overlay", "ext4" }, { "overlay", "xfs" }, { "overlay", "btrfs" }, { "overlay", "tmpfs" }, { "erofs", "ext4" }, { "erofs", "tmpfs" },
    };

    [Theory]
    [MemberData(nameof(Stacking))]
    public void Layer_in_an_image_lives_as_any_other_and_is_limited(string driver, string fileSystem)
    {
        using var rig = new Rig(driver, fileSystems.Of(fileSystem));
        var below = rig.Apply("below", null, RichLayers.Below());
        rig.Driver.CreateReadWrite(Rig.Id("box"), below, Limits("32m"));
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        Assert.Equal(rig.Dump(below), rig.Dump(Rig.Id("box")));
        rig.Change(Rig.Id("box"), s => s.File("new", "n").Remove("file").Dir("file").File("file/in", "x").Remove("e").Dir("e").Mode("a/b", 0x1FF));
        // Mounted or not, by this object or another, it is the same layer.
        string[] changes = rig.Changes(Rig.Id("box"), below);
        byte[] diff = rig.Diff(Rig.Id("box"), below);
        Assert.Contains("A /new", changes);
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        string root = rig.Driver.Get(Rig.Id("box"));
        Assert.Equal(changes, rig.Open().Changes(Rig.Id("box"), below).Select(c => c.ToString()));
        Assert.Equal("n", File.ReadAllText(Path.Combine(root, "new")));
        File.WriteAllBytes(Path.Combine(root, "fits"), new byte[8 << 20]);
        var e = Assert.ThrowsAny<IOException>(() => File.WriteAllBytes(Path.Combine(root, "too-much"), new byte[32 << 20]));
        Assert.Equal((int)Errno.ENOSPC, e.HResult & 0xFFFF);
        Assert.Equal(8 << 20, new FileInfo(Path.Combine(root, "fits")).Length);
        File.Delete(Path.Combine(root, "too-much"));
        File.Delete(Path.Combine(root, "fits"));
        // What lies elsewhere is as free as before.
        rig.Driver.CreateReadWrite(Rig.Id("free"), below);
        rig.Use(Rig.Id("free"), r =>
        {
            File.WriteAllBytes(Path.Combine(r, "more"), new byte[40 << 20]);
            return 0;
        });
        Assert.Equal(diff, rig.Diff(Rig.Id("box"), below));
        rig.Driver.Put(Rig.Id("box"));
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        Assert.Equal(diff, rig.Diff(Rig.Id("box"), below));
        string image = rig.Driver.GetMetadata(Rig.Id("box"))["Image"];
        Assert.InRange(rig.Driver.GetUsage(Rig.Id("box")).SizeBytes, 4096, 33 << 20);
        IsDetached(image);
        rig.Driver.Remove(Rig.Id("box"));
        Assert.False(File.Exists(image));
        Assert.False(rig.Driver.Exists(Rig.Id("box")));
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    public void Layer_in_an_image_without_a_parent(string driver)
    {
        using var rig = new Rig(driver, fileSystems.Of("tmpfs"));
        rig.Driver.CreateReadWrite(Rig.Id("box"), null, Limits("20m"));
        rig.Change(Rig.Id("box"), s => s.File("f", "x").Dir("d"));
        Assert.Equal(["A /d", "A /f"], rig.Changes(Rig.Id("box"), null));
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        // A tar that is applied goes through its mount.
        rig.Driver.ApplyDiff(Rig.Id("box"), null, new TarBuilder().File("d/applied", "a").ToStream());
        Assert.Equal(["A /d", "A /d/applied", "A /f"], rig.Changes(Rig.Id("box"), null));
        using (var contents = rig.Driver.OpenContents(Rig.Id("box")))
        using (var file = contents.Open(EntryPath.Of("d/applied")))
            Assert.Equal('a', file.ReadByte());
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        var e = Assert.ThrowsAny<StrataException>(() => rig.Driver.Create(Rig.Id("child"), Rig.Id("box")));
        Assert.Equal(ErrorKind.FailedPrecondition, e.Kind);
        Assert.Contains("Commit it", e.Message, StringComparison.Ordinal);
        e = Assert.ThrowsAny<StrataException>(() => rig.Driver.AcquireMounts(Rig.Id("box"), Rig.Id("box"), new MountRequest()));
        Assert.Equal(ErrorKind.NotSupported, e.Kind);
    }

    [Fact]
    public void Image_that_a_dead_process_left_mounted_is_used_again_and_swept()
    {
        using var rig = new Rig("overlay", fileSystems.Of("ext4"));
        var below = rig.Make("below", null, s => s.File("f", "content"));
        rig.Driver.CreateReadWrite(Rig.Id("box"), below, Limits("20m"));
        using (Process process = Child.Start("get-and-die", "overlay", rig.Home, "box"))
            process.WaitForExit();
        Assert.Equal(2, Mounts.AtOrBelow(rig.Home).Count);
        Assert.DoesNotContain(((ILeftovers)rig.Driver).FindLeftovers(), found => found.Kind == LeftoverKind.Mount);
        string root = rig.Driver.Get(Rig.Id("box"));
        File.WriteAllText(Path.Combine(root, "written"), "x");
        rig.Driver.Put(Rig.Id("box"));
        rig.Driver.Put(Rig.Id("box")); // the dead process's
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        Assert.Equal(["A /written"], rig.Changes(Rig.Id("box"), below));
        // The overlay is gone, what it lay on is not: as of a process that died between the two.
        rig.Driver.Get(Rig.Id("box"));
        Commands.Unmount(root);
        var leftover = Assert.Single(((ILeftovers)rig.Driver).FindLeftovers(), found => found.Kind == LeftoverKind.Mount);
        Assert.True(((ILeftovers)rig.Driver).SweepLeftover(leftover));
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
        rig.Driver.Cleanup();
        Assert.Equal(["A /written"], rig.Changes(Rig.Id("box"), below));
    }

    [Fact]
    public void Readers_and_users_of_an_image_do_not_meet()
    {
        using var rig = new Rig("overlay", fileSystems.Of("tmpfs"));
        var below = rig.Make("below", null, s => s.File("f", "content"));
        rig.Driver.CreateReadWrite(Rig.Id("box"), below, Limits("20m"));
        rig.Change(Rig.Id("box"), s => s.File("mine", "x"));
        Parallel.For(0, 6, n =>
        {
            var driver = rig.Open();
            for (int i = 0; i < 6; i++)
            {
                if (n % 2 == 0)
                {
                    Assert.Equal(["A /mine"], driver.Changes(Rig.Id("box"), below).Select(c => c.ToString()));
                    continue;
                }
                Assert.Equal("content", File.ReadAllText(Path.Combine(driver.Get(Rig.Id("box")), "f")));
                driver.Put(Rig.Id("box"));
            }
        });
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
    }

    [Theory]
    [InlineData("overlay", "ext4", "prjquota")]
    [InlineData("overlay", "xfs", "prjquota")]
    [InlineData("erofs", "ext4", "prjquota")]
    [InlineData("vfs", "xfs", "prjquota")]
    [InlineData("vfs", "tmpfs", "xfs or ext4")]
    [InlineData("overlay", "btrfs", "xfs or ext4")]
    [InlineData("overlay", "tmpfs", "backing=loop")]
    public void Without_project_quotas_a_size_is_refused_and_told_what_would_mend_it(string driver, string fileSystem, string advice)
    {
        using var rig = new Rig(driver, fileSystems.Of(fileSystem));
        var e = Assert.ThrowsAny<StrataException>(() => rig.Driver.CreateReadWrite(Rig.Id("box"), null, Options(("size", "10m"))));
        Assert.Equal(ErrorKind.NotSupported, e.Kind);
        Assert.Contains(advice, e.Message, StringComparison.Ordinal);
        Assert.False(rig.Driver.Exists(Rig.Id("box")));
        Assert.StartsWith("no project quotas: ", rig.Driver.GetStatus().Single(item => item.Key == "Size limits").Value, StringComparison.Ordinal);
        Assert.Contains(advice, DriverRegistry.DescribeLimits(rig.Home), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("overlay")]
    [InlineData("erofs")]
    [InlineData("vfs")]
    [InlineData("btrfs")]
    public void Options_that_are_none_are_refused_and_leave_nothing(string driver)
    {
        using var rig = new Rig(driver, fileSystems.Of(driver == "btrfs" ? "btrfs" : "tmpfs"));
        foreach (var wrong in new[] { ("size", "0"), ("size", "much"), ("size", "-1"), ("inodes", "0"), ("inodes", "-5"), ("inodes", "1e3"), ("colour", "red"), ("backing", "tape"), ("backing", "loop") })
        {
            var e = Assert.ThrowsAny<StrataException>(() => rig.Driver.CreateReadWrite(Rig.Id("box"), null, Options(wrong)));
            Assert.True(e.Kind == ErrorKind.InvalidArgument, $"{wrong}: {e.Kind}: {e.Message}");
        }
        var image = Assert.ThrowsAny<StrataException>(() => rig.Driver.Create(Rig.Id("box"), null, Options(("size", "1g"))));
        Assert.Equal(ErrorKind.InvalidArgument, image.Kind);
        if (driver is "overlay" or "erofs")
            Assert.Equal(ErrorKind.InvalidArgument, Assert.ThrowsAny<StrataException>(() => rig.Driver.CreateReadWrite(Rig.Id("box"), null, Limits("1m"))).Kind);
        Assert.Empty(rig.Driver.List());
        Assert.Empty(Mounts.AtOrBelow(rig.Home));
    }

    [Theory]
    [InlineData("ext4")]
    [InlineData("tmpfs")]
    public void A_file_is_bound_for_writing_once(string fileSystem)
    {
        string file = Path.Combine(fileSystems.Of(fileSystem).NewDirectory(), "file");
        File.WriteAllBytes(file, new byte[1 << 20]);
        using (var first = LoopDevice.FindOrAttachWritable(file))
        using (var second = LoopDevice.FindOrAttachWritable(file))
            Assert.Equal(first.Path, second.Path);
        IsDetached(file);
        File.Delete(file);
    }

    /// <summary>A mount namespace that somebody made meanwhile has a copy of the mount, and the device stays until that goes, too.</summary>
    private static void IsDetached(string image)
    {
        for (int i = 0; i < 200 && Commands.Run("losetup", "-j", image).Trim().Length > 0; i++)
            Thread.Sleep(50);
        Assert.Equal("", Commands.Run("losetup", "-j", image).Trim());
    }

    [Fact]
    public void Projects_of_file_systems_without_them_are_none()
    {
        foreach (string type in new[] { "btrfs", "tmpfs", "ext4" })
        {
            using var directory = FileCalls.Open(fileSystems.Of(type).NewDirectory(), OpenFlags.ReadOnly | OpenFlags.Directory);
            Assert.NotEqual(Errno.None, ProjectQuotaCalls.TrySetProject(directory, ProjectQuota.FirstProject));
            Assert.NotEqual(QuotaState.Enforced, ProjectQuotaCalls.TryGetState(directory, out var state) == Errno.None ? state : QuotaState.Unknown);
        }
        // xfs keeps the number also where nothing counts.
        string path = fileSystems.Of("xfs").NewDirectory();
        using var opened = FileCalls.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        Assert.Equal(Errno.None, ProjectQuotaCalls.TrySetProject(opened, 0x1234_5678));
        Directory.CreateDirectory(Path.Combine(path, "below"));
        using var below = FileCalls.Open(Path.Combine(path, "below"), OpenFlags.ReadOnly | OpenFlags.Directory);
        Assert.Equal(Errno.None, ProjectQuotaCalls.TryGetProject(below, out uint project, out bool inherits));
        Assert.Equal((0x1234_5678u, true), (project, inherits));
    }

    private static CreateOptions Limits(string size) => Options(("size", size), ("backing", "loop"));

    private static CreateOptions Options(params (string Key, string Value)[] options) => new() { StorageOptions = options.ToDictionary(o => o.Key, o => o.Value) };
}
